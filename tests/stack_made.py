"""The stack as tests see it, and programs in the place of broken images."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from click.testing import Result

from deploy.rehearsal.cloud import Cloud
from deploy.rehearsal.ecs import Ecs
from puntual.registry import Deployment, Registry

GOOD, BETTER, NEVER_READY, WRONG = ("a" * 64, "d" * 64, "b" * 64, "c" * 64)
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2023-04-20T10:30",
}
# It says that it is ready, and answers every question with an error.
ANSWERS_WRONG = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        self.send_response(500)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PUNTUAL_PORT"])), Handler).serve_forever()
"""
PROGRAMS = {
    NEVER_READY: [sys.executable, "-c", "raise SystemExit('no such model')"],
    WRONG: [sys.executable, "-c", ANSWERS_WRONG],
}


@dataclass
class Deployed:
    """The stack as the tests see it."""

    cloud: Cloud
    outputs: dict[str, str]
    ecs: Ecs
    key: str
    first: str
    second: str

    @property
    def registry(self) -> Registry:
        return Registry(self.outputs["RegistryUrl"])

    def image(self, digest: str) -> str:
        return f"{self.outputs['RepositoryUri']}@sha256:{digest}"

    def running(self) -> str:
        """The task definition that the service runs."""
        return self._service()["taskDefinition"]

    def desired(self) -> int:
        """How many tasks the service wants."""
        return self._service()["desiredCount"]

    def update(self, task_definition: str, desired: int = 1) -> None:
        """Have the service run a task definition, as an update of the stack does."""
        self.cloud.client("ecs").update_service(
            cluster=self.outputs["ClusterName"],
            service=self.outputs["ServiceName"],
            taskDefinition=task_definition,
            desiredCount=desired,
        )
        assert self.settled()

    def settled(self, seconds: float = 60) -> bool:
        """Wait until the service runs what it should."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (primary, *_) = self._service()["deployments"]
            if primary["rolloutState"] == "COMPLETED" and primary["runningCount"] == self.desired():
                return True
            time.sleep(0.1)
        return False

    def pointer(self, version: str, folder: Path) -> Path:
        """Write what a user commits to have a version deployed."""
        stat = self.registry.store.stat(f"{version}.puntual")
        file = folder / "model_to_deploy"
        file.write_bytes(Deployment(version, stat.digest).line())
        return file

    def _service(self) -> dict[str, Any]:
        names = {"cluster": self.outputs["ClusterName"], "services": [self.outputs["ServiceName"]]}
        return self.cloud.client("ecs").describe_services(**names)["services"][0]

    @contextmanager
    def asked_all_along(self) -> Iterator[list[str]]:
        """Have a client ask for predictions while the block lasts; what it was told comes to lie in the list."""
        answers: list[str] = []
        ended = threading.Event()

        def ask() -> None:
            headers = {"x-api-key": self.key}
            with httpx.Client(base_url=self.cloud.balancer_url, headers=headers, timeout=30) as client:
                while not ended.is_set():
                    answer = client.post("/predict", json={"flights": [FLIGHT]})
                    outcome = (
                        answer.json()["model"]["version"]
                        if answer.status_code == 200
                        else f"{answer.status_code}"
                    )
                    answers.append(outcome)
                    time.sleep(0.05)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield answers
        finally:
            ended.set()
            thread.join()


def printed_json(result: Result) -> dict[str, str]:
    """Read what a command with --json printed."""
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)
