"""Stands in for the load balancer: passes requests on to the tasks in turn, and lets those that leave finish."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.rehearsal.passing_on import ask, read_body, tell

_SECONDS_TO_ANSWER = 30.0


@dataclass
class Target:
    """A task that takes requests."""

    url: str
    in_flight: int = 0


class Balancer:
    """An ASGI application in front of the tasks; targets come and go from other threads."""

    def __init__(self) -> None:
        self._targets: list[Target] = []
        self._turn = itertools.count()
        # A connection of its own for each request: one that was kept could be ended by the task meanwhile.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=_SECONDS_TO_ANSWER, limits=limits, trust_env=False)

    def add(self, url: str) -> Target:
        """Let a task take requests."""
        target = Target(url)
        self._targets = [*self._targets, target]
        return target

    def drain(self, target: Target, seconds: float = _SECONDS_TO_ANSWER) -> None:
        """Give a task no more requests, and wait until those it has are answered."""
        self._targets = [one for one in self._targets if one is not target]
        end = time.monotonic() + seconds
        while target.in_flight and time.monotonic() < end:
            time.sleep(0.01)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request by the next task."""
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        targets = self._targets
        if not targets:
            await tell(send, 503, [], b"no task is healthy")
            return
        # Chosen and counted with no await between, so that none is given to a task that has drained.
        target = targets[next(self._turn) % len(targets)]
        target.in_flight += 1
        try:
            status, headers, content = await ask(self._client, target.url, scope, body)
        except httpx.HTTPError as error:
            status, headers, content = 502, [], f"the task does not answer: {error!r}".encode()
        finally:
            target.in_flight -= 1
        await tell(send, status, headers, content)
