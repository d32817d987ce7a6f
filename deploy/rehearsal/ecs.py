"""Stands in for ECS: really runs the tasks of a service, rolls definitions out, and rolls back what fails.

Like the service of the stack it keeps all tasks up while it starts new ones (100 and 200 %), takes a task into the
load balancer once it is ready, drains before it stops one, and goes back after two failed tasks (circuit breaker).
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from deploy.rehearsal.balancer import Balancer, Target
from deploy.rehearsal.hardened import HardeningError

_FAILURES_TO_GIVE_UP = 2


class Task(Protocol):
    """Something that runs."""

    url: str

    def alive(self) -> bool:
        """Tell whether it runs still."""

    def stop(self) -> None:
        """End it, politely first."""

    def last_words(self) -> str:
        """Give the end of its log."""


Start = Callable[[dict[str, Any]], Task]


@dataclass
class Deployment:
    """One rollout as DescribeServices tells it."""

    task_definition: str
    number: int
    status: str = "PRIMARY"
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Running:
    """A task that takes requests."""

    task: Task
    target: Target
    task_definition: str


class Ecs:
    """One service: `start` runs a container definition, `define` finds that of a task definition."""

    def __init__(
        self, start: Start, define: Callable[[str], dict[str, Any]], balancer: Balancer, grace: float = 60
    ) -> None:
        self._start, self._define, self._balancer, self._grace = start, define, balancer, grace
        self._tasks: list[Running] = []
        self._deployments: list[Deployment] = []
        self._events: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._served: str | None = None
        self._desired = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self, task_definition: str, desired: int) -> None:
        """Take the service over as the stack made it."""
        self._desired = desired
        self._deploy(task_definition)
        self._thread.start()

    def end(self) -> None:
        """Stop everything."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        for running in self._tasks:
            running.task.stop()

    def update(self, task_definition: str, desired: int | None = None) -> None:
        """Roll a task definition out, and keep so many tasks, if it is said how many."""
        if desired is not None:
            self._desired = desired
        if task_definition != self._primary.task_definition:
            self._deploy(task_definition)

    def tell(self, service: dict[str, Any]) -> dict[str, Any]:
        """Write what goes on into a service as moto describes it."""
        return service | {
            "taskDefinition": self._primary.task_definition,
            "desiredCount": self._desired,
            "runningCount": len(self._tasks),
            "pendingCount": 0,
            "deployments": [self._described(one) for one in self._deployments if one.status != "GONE"],
            "events": self._events[:20],
        }

    @property
    def _primary(self) -> Deployment:
        return self._deployments[0]

    def _deploy(self, task_definition: str, reason: str = "") -> None:
        for one in self._deployments:
            one.status = "ACTIVE" if one is self._primary else "GONE"
        new = Deployment(task_definition, next(self._numbers), reason=reason)
        self._deployments = [new, *self._deployments]

    def _described(self, one: Deployment) -> dict[str, Any]:
        return {
            "id": f"ecs-svc/{one.number}",
            "status": one.status,
            "taskDefinition": one.task_definition,
            "desiredCount": self._desired,
            "runningCount": sum(task.task_definition == one.task_definition for task in self._tasks),
            "pendingCount": 0,
            "failedTasks": one.failed,
            "rolloutState": one.state,
            "rolloutStateReason": one.reason or f"ECS deployment ecs-svc/{one.number} is {one.state}.",
            "createdAt": one.at.timestamp(),
            "updatedAt": one.at.timestamp(),
        }

    def _run(self) -> None:
        while not self._ended.is_set():
            if not self._step(self._primary):
                self._ended.wait(0.1)

    def _step(self, primary: Deployment) -> bool:
        """Bring what runs one task nearer to what should; false when there is nothing to do."""
        self._bury()
        ours = [one for one in self._tasks if one.task_definition == primary.task_definition]
        others = [one for one in self._tasks if one.task_definition != primary.task_definition]
        if primary.state == "FAILED":
            return False
        if others and len(ours) + len(others) > self._desired:
            self._retire(others[0])
        elif len(ours) < self._desired:
            self._add(primary)
        elif len(ours) > self._desired:
            self._retire(ours[-1])
        elif primary.state != "COMPLETED":
            self._complete(primary)
        else:
            return False
        return True

    def _add(self, primary: Deployment) -> None:
        try:
            task = self._start(self._define(primary.task_definition))
        except HardeningError as error:
            self._failed(primary, str(error))
            return
        if self._becomes_ready(task, primary):
            self._tasks.append(Running(task, self._balancer.add(task.url), primary.task_definition))
            self._event(f"has started a task of {_short(primary.task_definition)}")
            return
        words = task.last_words()
        task.stop()
        if primary is self._primary and not self._ended.is_set():
            self._failed(primary, words)

    def _failed(self, primary: Deployment, why: str) -> None:
        primary.failed += 1
        self._event(f"a task of {_short(primary.task_definition)} failed its health checks: {why}")
        if primary.failed >= _FAILURES_TO_GIVE_UP:
            self._give_up(primary)

    def _becomes_ready(self, task: Task, primary: Deployment) -> bool:
        end = time.monotonic() + self._grace
        while task.alive() and time.monotonic() < end and not self._ended.is_set():
            if primary is not self._primary:
                return False
            if _is_ready(task.url):
                return True
            time.sleep(0.1)
        return False

    def _give_up(self, primary: Deployment) -> None:
        primary.state, primary.reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
        self._event(f"deployment ecs-svc/{primary.number} failed: tasks failed to start")
        if self._served is not None:
            self._deploy(
                self._served, f"ECS deployment circuit breaker: rolling back to {_short(self._served)}."
            )
            self._event(f"rolling back to {_short(self._served)}")

    def _complete(self, primary: Deployment) -> None:
        primary.state, primary.reason = "COMPLETED", f"ECS deployment ecs-svc/{primary.number} completed."
        self._served = primary.task_definition
        for one in self._deployments[1:]:
            one.status = "GONE"
        self._event("has reached a steady state")

    def _retire(self, running: Running) -> None:
        self._balancer.drain(running.target)
        self._tasks = [one for one in self._tasks if one is not running]
        running.task.stop()
        self._event(f"has stopped a task of {_short(running.task_definition)}")

    def _bury(self) -> None:
        for running in [one for one in self._tasks if not one.task.alive()]:
            self._event(f"a task of {_short(running.task_definition)} ended: {running.task.last_words()}")
            self._retire(running)

    def _event(self, message: str) -> None:
        event = {
            "id": str(len(self._events)),
            "createdAt": time.time(),
            "message": f"(service puntual) {message}",
        }
        self._events = [event, *self._events]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
