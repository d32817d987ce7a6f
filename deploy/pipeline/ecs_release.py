"""Releases of the service on ECS: a task definition with another image, rolled out, tested, or taken back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from deploy.pipeline.aws import Aws, translate_aws_errors
from deploy.pipeline.errors import DeployError
from deploy.pipeline.poller import Poller
from deploy.pipeline.stack import Stack
from deploy.pipeline.task_definition import container_of, read_definition, register, short_name

REVISION_LABEL = "org.opencontainers.image.revision"
CONTAINER = "puntual"
_EVENTS_SHOWN = 5
_REVISIONS_LOOKED_AT = 10


@dataclass(frozen=True)
class Released:
    """What runs after a release, and what ran before, as ARNs of task definitions."""

    task_definition: str
    previous: str


class EcsService:
    """The service of a stack; `report` is called with what is going on."""

    def __init__(self, aws: Aws, stack: Stack, poller: Poller, report: Callable[[str], object]) -> None:
        self._ecs, self._stack, self._poller, self._report = aws.client("ecs"), stack, poller, report

    def release(self, image: str, revision: str, smoke_test: Callable[[], object]) -> Released:
        """Roll an image out, by its digest, and ask it for predictions.

        Where the rollout or the smoke test fails, what ran before runs again and DeployError is raised.
        """
        before = self._service()
        previous, desired = before["taskDefinition"], before["desiredCount"]
        new = self._register(previous, image, revision)
        self._report(f"rolling out {short_name(new)} in place of {short_name(previous)}")
        try:
            # A stack without an image wants no task; with the first image it wants one.
            self._point_to(new, 1 if desired == 0 else None)
            self._settle(new)
            self._report("rolled out; asking for predictions through the load balancer")
            smoke_test()
        except DeployError as error:
            self._take_back(new, previous, desired, error)
        return Released(new, previous)

    def roll_back(self, smoke_test: Callable[[], object]) -> Released:
        """Run the task definition before the running one again, and retire that.

        A release that failed was retired at once, so the one before is one that served.
        """
        left = self._running()
        former = self._former(left)
        self._report(f"rolling back from {short_name(left)} to {short_name(former)}")
        self._point_to(former)
        self._settle(former)
        smoke_test()
        self._retire(left)
        return Released(former, left)

    def image(self) -> str:
        """Give the image that runs, by digest; empty before there is one."""
        image: str = self._container(self._running())["image"]
        return image if "@" in image else ""

    def last_revision(self) -> str:
        """Give the commit of the last image that was rolled out, whatever became of it; empty if unknown.

        An update of the stack registers revisions too, which name no commit.
        """
        definitions = [arn for status in ("ACTIVE", "INACTIVE") for arn in self._registered(status)]
        for arn in sorted(definitions, key=_number, reverse=True)[:_REVISIONS_LOOKED_AT]:
            labels: dict[str, str] = self._container(arn).get("dockerLabels", {})
            if REVISION_LABEL in labels:
                return labels[REVISION_LABEL]
        return ""

    def _take_back(self, new: str, previous: str, desired: int, error: DeployError) -> None:
        self._report(f"{short_name(new)} failed: {error}")
        events = self._events()
        self._report(f"rolling back to {short_name(previous)}")
        if self._running() != previous or desired == 0:
            self._point_to(previous, 0 if desired == 0 else None)
        try:
            self._settle(previous)
        except DeployError as second:
            raise DeployError(f"{error}; and rolling back failed too: {second}{events}") from error
        self._retire(new)
        raise DeployError(f"{error}. Rolled back: {short_name(previous)} runs as before{events}") from error

    def _register(self, previous: str, image: str, revision: str) -> str:
        definition = read_definition(self._ecs, previous)
        container = container_of(definition, CONTAINER)
        container["image"] = image
        container["dockerLabels"] = container.get("dockerLabels", {}) | {REVISION_LABEL: revision}
        return register(self._ecs, definition)

    def _settle(self, wanted: str) -> None:
        """Wait until the tasks run what is wanted; raise DeployError when ECS gave it up or time is over.

        ECS says COMPLETED of a roll-back too, so what is looked at is which definition became so.
        """
        seen = False

        def look() -> bool | None:
            nonlocal seen
            service = self._service()
            ours = [one for one in service["deployments"] if one["taskDefinition"] == wanted]
            # The first looks may show the state before the update.
            seen = seen or bool(ours)
            primary = next(one for one in service["deployments"] if one["status"] == "PRIMARY")
            if primary["taskDefinition"] != wanted:
                if seen:
                    self._given_up(wanted, primary, ours)
                return None
            if primary.get("rolloutState") == "FAILED":
                self._given_up(wanted, primary, ours)
            return _is_complete(primary, service) or None

        if self._poller.until(look) is None:
            raise DeployError(
                f"{short_name(wanted)} was not running after {self._poller.seconds:.0f} s; "
                "see the events of the service, or give it more --seconds"
            )

    def _given_up(self, wanted: str, primary: dict[str, Any], ours: list[dict[str, Any]]) -> NoReturn:
        reasons = [one["rolloutStateReason"] for one in ours if one.get("rolloutStateReason")]
        raise DeployError(
            f"ECS gave {short_name(wanted)} up ({'; '.join(reasons) or 'it gave no reason'}) and runs "
            f"{short_name(primary['taskDefinition'])}; see why its tasks ended in the log of the service"
        )

    def _former(self, running: str) -> str:
        """Find the last definition before the running one with another image; the first of a stack may have none."""
        image = self._container(running)["image"]
        for arn in self._registered("ACTIVE"):
            if _number(arn) < _number(running):
                former = self._container(arn)["image"]
                if "@" in former and former != image:
                    return arn
        raise DeployError(
            f"no image before that of {short_name(running)} is left to roll back to; release an earlier commit instead"
        )

    def _registered(self, status: str) -> list[str]:
        """List the task definitions of the family, newest first."""
        with translate_aws_errors(f"task definitions {self._stack.task_family}"):
            definitions: list[str] = self._ecs.list_task_definitions(
                familyPrefix=self._stack.task_family, status=status, sort="DESC"
            )["taskDefinitionArns"]
        return sorted(definitions, key=_number, reverse=True)

    def _container(self, arn: str) -> dict[str, Any]:
        return container_of(read_definition(self._ecs, arn), CONTAINER)

    def _point_to(self, arn: str, desired: int | None = None) -> None:
        wanted = {} if desired is None else {"desiredCount": desired}
        cluster, name = self._stack.cluster_name, self._stack.service_name
        with translate_aws_errors(short_name(arn)):
            self._ecs.update_service(cluster=cluster, service=name, taskDefinition=arn, **wanted)

    def _retire(self, arn: str) -> None:
        with translate_aws_errors(short_name(arn)):
            self._ecs.deregister_task_definition(taskDefinition=arn)

    def _running(self) -> str:
        arn: str = self._service()["taskDefinition"]
        return arn

    def _events(self) -> str:
        """Write down the last messages of ECS, the newest first."""
        messages = [event["message"] for event in self._service().get("events", ())[:_EVENTS_SHOWN]]
        return "".join(f"\n  ECS: {message}" for message in messages)

    def _service(self) -> dict[str, Any]:
        name = self._stack.service_name
        with translate_aws_errors(f"service {name}"):
            services = self._ecs.describe_services(cluster=self._stack.cluster_name, services=[name])[
                "services"
            ]
        if not services:
            raise DeployError(
                f"service {name!r} is not in cluster {self._stack.cluster_name}; apply the stack first"
            )
        service: dict[str, Any] = services[0]
        return service


def _is_complete(primary: dict[str, Any], service: dict[str, Any]) -> bool:
    complete: bool = (
        primary.get("rolloutState") == "COMPLETED" and primary["runningCount"] == service["desiredCount"]
    )
    return complete


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
