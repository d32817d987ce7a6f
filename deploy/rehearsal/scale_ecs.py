"""Stands in for ECS where a run wants machines: really runs scheduler, workers and client, on this one.

An ASGI application in front of the stand-in for AWS. What is asked of the services of scale.yaml, of tasks, of the
certificates and of the client's log it answers itself; all else goes on.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from deploy.rehearsal.cloud import CREDENTIALS, Cloud
from deploy.rehearsal.members import Member
from deploy.rehearsal.passing_on import ask, read_body, tell
from deploy.rehearsal.served import free_port, served
from deploy.rehearsal.stack import REGION, SCALE, create

Start = Callable[[dict[str, Any]], Member]


class Service:
    """So many tasks of a definition; one that ends is replaced."""

    def __init__(self, start: Callable[[str], Member]) -> None:
        self._start, self._definition, self._desired = start, "", 0
        self.tasks: list[Member] = []

    def update(self, desired: int, definition: str) -> None:
        """Want so many tasks of it."""
        self._desired, self._definition = desired, definition
        self.reconcile()

    def reconcile(self) -> None:
        """Bury who has ended, stop who is too many, and start who is missing."""
        self.tasks = [task for task in self.tasks if task.exit_code() is None]
        while len(self.tasks) > self._desired:
            self.tasks.pop().stop()
        while len(self.tasks) < self._desired:
            self.tasks.append(self._start(self._definition))


class ScaleEcs:
    """Scheduler, workers and client by the definitions that a stand-in for AWS holds; `start` runs one.

    Where commands name the bucket between workers, they are given `scratch`, a folder.
    """

    def __init__(self, aws: Cloud, start: Start, scratch: str | None = None) -> None:
        self._behind, self._ecs, self._start, self._scratch = aws.url, aws.client("ecs"), start, scratch
        # No connection is kept that would have to be closed.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=60, trust_env=False, limits=limits)
        self._port = free_port()
        self.address = f"tls://127.0.0.1:{self._port}"
        self.certificates: dict[str, str] = {}
        self.scheduler, self.workers = Service(self._start_definition), Service(self._start_definition)
        self.clients: list[Member] = []
        self.calls: list[str] = []
        self.images: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one call of the AWS API."""
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        action = dict(scope["headers"]).get(b"x-amz-target", b"").decode().rpartition(".")[2]
        answers = {
            "RunTask": self._run_task, "DescribeTasks": self._describe_tasks, "StopTask": self._stop_task,
            "PutSecretValue": self._put_secret, "GetLogEvents": self._get_log_events,
        }  # fmt: skip
        if action in answers:
            self.calls.append(action)
            content = json.dumps(answers[action](json.loads(body))).encode()
            await tell(send, 200, [(b"content-type", b"application/x-amz-json-1.1")], content)
            return
        status, headers, content = await ask(self._client, self._behind, scope, body)
        if status == httpx.codes.OK and action == "UpdateService":
            self._update(json.loads(body), json.loads(content)["service"])
        elif status == httpx.codes.OK and action == "DescribeServices":
            content = json.dumps(self._described(json.loads(content))).encode()
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        await tell(send, status, [*kept, (b"content-length", b"%d" % len(content))], content)

    def end(self) -> None:
        """Stop everything."""
        for service in (self.workers, self.scheduler):
            service.update(0, "")
        for client in self.clients:
            if client.exit_code() is None:
                client.stop()

    def _service(self, name: str) -> Service:
        return self.scheduler if name.endswith("-scheduler") else self.workers

    def _update(self, request: dict[str, Any], service: dict[str, Any]) -> None:
        self.calls.append(f"{request['service']} {request['desiredCount']}")
        if request["service"].endswith("-scheduler") and request["desiredCount"]:
            # A run begins with its scheduler.
            self.images.clear()
        self._service(request["service"]).update(request["desiredCount"], service["taskDefinition"])

    def _described(self, answer: dict[str, Any]) -> dict[str, Any]:
        for service in answer["services"]:
            ours = self._service(service["serviceName"])
            ours.reconcile()
            service["runningCount"] = len(ours.tasks)
        return answer

    def _run_task(self, request: dict[str, Any]) -> dict[str, Any]:
        (override,) = request["overrides"]["containerOverrides"]
        self.clients.append(self._start_definition(request["taskDefinition"], override["command"]))
        return {"tasks": [self._task(len(self.clients))], "failures": []}

    def _describe_tasks(self, request: dict[str, Any]) -> dict[str, Any]:
        for service in (self.scheduler, self.workers):
            service.reconcile()
        return {"tasks": [self._task(_number(arn)) for arn in request["tasks"]], "failures": []}

    def _stop_task(self, request: dict[str, Any]) -> dict[str, Any]:
        self.clients[_number(request["task"]) - 1].stop()
        return {"task": self._task(_number(request["task"]))}

    def _task(self, number: int) -> dict[str, Any]:
        code = self.clients[number - 1].exit_code()
        container = {"name": "client"} | ({} if code is None else {"exitCode": code})
        return {
            "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/scale/{number}",
            "lastStatus": "RUNNING" if code is None else "STOPPED",
            "containers": [container],
        }

    def _put_secret(self, request: dict[str, Any]) -> dict[str, Any]:
        self.certificates = json.loads(request["SecretString"])
        return {"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:scale", "Name": "scale"}

    def _get_log_events(self, request: dict[str, Any]) -> dict[str, Any]:
        lines = self.clients[_number(request["logStreamName"]) - 1].log().splitlines()
        start = int(request.get("nextToken", 0))
        events = [{"timestamp": 0, "ingestionTime": 0, "message": line} for line in lines[start:]]
        return {"events": events, "nextForwardToken": str(len(lines)), "nextBackwardToken": "0"}

    def _start_definition(self, name: str, command: list[str] | None = None) -> Member:
        definition = self._ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        (container,) = definition["containerDefinitions"]
        secrets = {
            one["name"]: self.certificates[one["valueFrom"].split(":")[-3]] for one in container["secrets"]
        }
        environment = {one["name"]: one["value"] for one in container["environment"]} | secrets
        self.images.add(container["image"])
        words = [self._here(word) for word in command or container["command"]]
        return self._start(container | {"command": words, "environment": environment})

    def _here(self, word: str) -> str:
        """Write a word of a command as several members on one machine of two cores need it."""
        places = {
            "8786": str(self._port), "127.0.0.1:8787": "127.0.0.1:0", "40000:40099": "0", "40100:40199": "0",
            "8": "1", "28GiB": "2GiB",
        }  # fmt: skip
        if self._scratch is not None and word.startswith("s3://"):
            return self._scratch
        return self.address if word.startswith("tls://scheduler.") else places.get(word, word)


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


@contextmanager
def many_machines(
    aws: Cloud, start: Start, scratch: str | None = None
) -> Iterator[tuple[dict[str, str], ScaleEcs]]:
    """Apply scale.yaml beside a stack that stands, as `puntual-scale`; give what leads botocore to its services."""
    create(aws.url, "puntual-scale", {"Image": f"example.org/puntual@sha256:{'a' * 64}"}, SCALE)
    ecs = ScaleEcs(aws, start, scratch)
    with served(ecs) as url:
        try:
            yield CREDENTIALS | {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": REGION}, ecs
        finally:
            ecs.end()
