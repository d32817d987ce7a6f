"""A run on many machines: scheduler and workers are begun, a client works with them, and all of them end."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from deploy.pipeline.aws import Aws, translate_aws_errors
from deploy.pipeline.certificates import Certificates
from deploy.pipeline.errors import DeployError
from deploy.pipeline.poller import Poller
from deploy.pipeline.stack import read_outputs
from deploy.pipeline.task_definition import container_of, read_definition, register, short_name

# The container of the client, and its log stream's beginning, as scale.yaml names them.
CLIENT, LOG_PREFIX = "client", "run"
_LINES_SHOWN = 5
# What a training prints as JSON has some hundred thousand characters.
_CHARACTERS_SHOWN = 500


class ScaleStack(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The outputs of deploy/aws/scale.yaml that a run reads."""

    cluster_name: str
    scheduler_service: str
    worker_service: str
    client_family: str
    client_group_id: str
    private_subnet_ids: str
    scheduler_address: str
    scratch_url: str
    certificates_secret_arn: str
    log_group_name: str
    max_workers: int


def read_scale_stack(aws: Aws, name: str) -> ScaleStack:
    """Read the outputs that a run needs; raise DeployError when there is no such stack, or it lacks one."""
    try:
        return msgspec.convert(read_outputs(aws, name), ScaleStack, strict=False)
    except msgspec.ValidationError as error:
        raise DeployError(
            f"stack {name!r}: {error} among its outputs; apply deploy/aws/scale.yaml to it first"
        ) from error


@dataclass(frozen=True)
class Finished:
    """What the client printed as JSON in the end, and how many workers there were when it began."""

    printed: Mapping[str, Any]
    workers: int


class ScaleRun:
    """One run at a time on the services of a stack; `report` is called with what is going on, the client's log too."""

    def __init__(self, aws: Aws, stack: ScaleStack, report: Callable[[str], object]) -> None:
        self._ecs, self._logs, self._secrets = (
            aws.client(name) for name in ("ecs", "logs", "secretsmanager")
        )
        self._stack, self._report = stack, report

    def run(
        self,
        command: Sequence[str],
        workers: int,
        image: str,
        certificates: Certificates,
        *,
        begin: Poller,
        work: Poller,
    ) -> Finished:
        """Run a command of `puntual` with `--cluster` and `--scratch` on so many workers, and wait for its end.

        Without an image, run that of the stack. Scheduler and workers end with the run, whatever came of it. Raise
        DeployError when none of them came within `begin`, or the command failed or was not done within `work`.
        """
        if workers > self._stack.max_workers:
            raise DeployError(
                f"{workers} workers, and the stack allows {self._stack.max_workers}; "
                "ask for fewer, or update it with more MaxWorkers"
            )
        with translate_aws_errors("certificates of the run"):
            self._secrets.put_secret_value(
                SecretId=self._stack.certificates_secret_arn, SecretString=json.dumps(asdict(certificates))
            )
        try:
            client = self._begin(workers, image)
            present = self._wait_for_workers(workers, begin)
            return Finished(self._work(client, command, work), present)
        finally:
            self.end()

    def end(self) -> None:
        """Want no scheduler and no worker any more; their instances go when their tasks have."""
        self._report("ending scheduler and workers")
        for service in (self._stack.worker_service, self._stack.scheduler_service):
            self._want(service, 0)

    def _begin(self, workers: int, image: str) -> str:
        """Want a scheduler and workers of the image, and give the task definition of the client."""
        stack = self._stack
        self._report(f"wanting a scheduler and {workers} workers")
        for service, wanted in ((stack.scheduler_service, 1), (stack.worker_service, workers)):
            # Families are called like their services.
            self._want(service, wanted, self._with_image(service, service.rpartition("-")[2], image))
        return self._with_image(stack.client_family, CLIENT, image)

    def _with_image(self, family: str, name: str, image: str) -> str:
        definition = read_definition(self._ecs, family)
        container = container_of(definition, name)
        if not image and "@" not in container["image"]:
            raise DeployError(
                f"{short_name(definition['taskDefinitionArn'])} names no image; "
                "give one by --image, or to the stack as its parameter Image"
            )
        if image in ("", container["image"]):
            arn: str = definition["taskDefinitionArn"]
            return arn
        container["image"] = image
        return register(self._ecs, definition)

    def _want(self, service: str, count: int, definition: str | None = None) -> None:
        more = {} if definition is None else {"taskDefinition": definition}
        with translate_aws_errors(f"service {service}"):
            self._ecs.update_service(
                cluster=self._stack.cluster_name, service=service, desiredCount=count, **more
            )

    def _wait_for_workers(self, wanted: int, poller: Poller) -> int:
        """Wait until all are there, or for the time that there is until some are, and give their number."""
        running: dict[str, int] = {}

        def look() -> bool | None:
            running.update(self._running())
            complete = (
                running[self._stack.scheduler_service] and running[self._stack.worker_service] >= wanted
            )
            return True if complete else None

        poller.until(look)
        present = running[self._stack.worker_service]
        if not running[self._stack.scheduler_service] or not present:
            raise DeployError(
                f"after {poller.seconds:.0f} s there {'was' if present else 'were'} no "
                f"{'scheduler' if present else 'workers'}; see the events of the services, "
                "take fewer workers, or update the stack with some OnDemandPercent"
            )
        self._report(f"{present} of {wanted} workers are there")
        return present

    def _running(self) -> dict[str, int]:
        names = [self._stack.scheduler_service, self._stack.worker_service]
        with translate_aws_errors(" and ".join(names)):
            services = self._ecs.describe_services(cluster=self._stack.cluster_name, services=names)[
                "services"
            ]
        return dict.fromkeys(names, 0) | {one["serviceName"]: one["runningCount"] for one in services}

    def _work(self, client: str, command: Sequence[str], poller: Poller) -> Mapping[str, Any]:
        shared = ("--cluster", self._stack.scheduler_address, "--scratch", self._stack.scratch_url)
        task = self._run_client(client, ["puntual", *command, *shared])
        lines = LogReader(self._logs, self._stack.log_group_name, f"{LOG_PREFIX}/{CLIENT}/{short_name(task)}")
        printed: list[str] = []

        def look() -> dict[str, Any] | None:
            for line in lines.read():
                printed.append(line)
                self._report(_shortened(line))
            with translate_aws_errors(f"task {short_name(task)}"):
                (described,) = self._ecs.describe_tasks(cluster=self._stack.cluster_name, tasks=[task])[
                    "tasks"
                ]
            return described if described["lastStatus"] == "STOPPED" else None

        try:
            ended = poller.until(look)
        except BaseException:
            self._stop(task)
            raise
        if ended is None:
            self._stop(task)
            raise DeployError(
                f"the run was not done after {poller.seconds:.0f} s; give it more --run-seconds"
            )
        look()
        _expect_success(ended, printed)
        return _last_object(printed)

    def _run_client(self, definition: str, command: list[str]) -> str:
        stack = self._stack
        network = {
            "subnets": stack.private_subnet_ids.split(","),
            "securityGroups": [stack.client_group_id],
            "assignPublicIp": "DISABLED",
        }
        with translate_aws_errors("client of the run"):
            started = self._ecs.run_task(
                cluster=stack.cluster_name,
                taskDefinition=definition,
                launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": network},
                overrides={"containerOverrides": [{"name": CLIENT, "command": command}]},
            )
        if not started["tasks"]:
            raise DeployError(f"the client of the run did not start: {started['failures']}; repeat")
        task: str = started["tasks"][0]["taskArn"]
        return task

    def _stop(self, task: str) -> None:
        with translate_aws_errors(f"task {short_name(task)}"):
            self._ecs.stop_task(cluster=self._stack.cluster_name, task=task, reason="the run was ended")


class LogReader:
    """Reads a log stream on from where it has read to; it need not be there yet."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._where = logs, {"logGroupName": group, "logStreamName": stream}
        self._token: dict[str, str] = {}

    def read(self) -> list[str]:
        """Give the lines that are new."""
        with translate_aws_errors(f"log {self._where['logStreamName']}"):
            try:
                answer = self._logs.get_log_events(**self._where, startFromHead=True, **self._token)
            except self._logs.exceptions.ResourceNotFoundException:
                return []
        self._token = {"nextToken": answer["nextForwardToken"]}
        return [event["message"].rstrip("\r\n") for event in answer["events"]]


def _expect_success(task: dict[str, Any], printed: Sequence[str]) -> None:
    (container,) = (one for one in task["containers"] if one["name"] == CLIENT)
    if container.get("exitCode") == 0:
        return
    status = container.get("exitCode", task.get("stoppedReason", "it never started"))
    last = "".join(f"\n  {_shortened(line)}" for line in printed[-_LINES_SHOWN:])
    raise DeployError(f"the run failed ({status}); its log ends with:{last}")


def _shortened(line: str) -> str:
    return line if len(line) <= _CHARACTERS_SHOWN else f"{line[:_CHARACTERS_SHOWN]} …"


def _last_object(printed: Sequence[str]) -> Mapping[str, Any]:
    """Find what a command with --json printed; nothing where it printed none."""
    for number in range(len(printed) - 1, -1, -1):
        if printed[number].startswith("{"):
            # A line beyond 16 KB comes in pieces.
            with suppress(msgspec.DecodeError):
                document: Mapping[str, Any] = msgspec.json.decode("".join(printed[number:]))
                return document
    return {}
