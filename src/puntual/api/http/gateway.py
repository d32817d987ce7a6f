"""The first thing that a request for the application meets: its id, its key, and the log at the end.

Most requests of `POST /predict` never come here: `prediction_door` answers them, by the same checks.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from puntual.api.auth.api_keys import ANONYMOUS
from puntual.api.auth.guard import KEY_NAME, PEER, Guard
from puntual.api.http.cors import Cors
from puntual.api.http.prediction_door import PredictionDoor
from puntual.api.http.request_ids import RequestIds, trace_of
from puntual.api.http.response_headers import FAILURE, PROBLEM, SECURITY_HEADERS, Headers
from puntual.api.observability import metrics
from puntual.api.observability.access_log import AccessLog
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel

Scope = Any
Receive = Any
Send = Any
Application = Any
# What the log says of a request, and of each message about it; the application adds the reason of a refusal.
Call = dict[str, Any]

_LOG = logging.getLogger("puntual.api")
# An answer that lasts as long as somebody looks at it has no latency.
_ENDLESS = "/flights/stream"


class Gateway:
    """The ASGI application that the server calls."""

    def __init__(
        self,
        inner: Application,
        service: ServingModel,
        guard: Guard,
        log: AccessLog,
        cors: Cors,
        *,
        end_streams: Callable[[], None] = lambda: None,
    ) -> None:
        """Answer by an application; `end_streams` ends the answers that would go on for ever."""
        self._inner, self._service, self._guard, self._log, self._cors = inner, service, guard, log, cors
        self._ids, self.end_streams = RequestIds(), end_streams
        self.door = PredictionDoor(service, guard, log, cors, self._ids)

    def describe_model(self) -> str:
        """Say which model answers, or that none does."""
        return self._service.describe_model()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        # A connection's next request may begin in the context of the one before.
        KEY_NAME.set(ANONYMOUS)
        client = scope.get("client")
        PEER.set(client[0] if client else "")
        headers = dict(scope["headers"])
        request_id = self._ids.id_of(headers)
        added: Headers = [(b"x-request-id", request_id), *self._cors.headers(headers)]
        status, call = 500, {"request_id": request_id.decode(), "traceparent": trace_of(headers)}
        try:
            preflight = self._cors.preflight(scope["method"], headers)
            if preflight is not None:
                status = await _send(send, 204, b"", [*preflight, added[0], *SECURITY_HEADERS])
                return
            scope["path"] = _plain(scope["path"])
            self._guard.enforce_rate_limit(self._guard.admit(scope["method"], scope["path"], headers))
            scope.setdefault("state", {})["call"] = call
            status = await self._pass_on(scope, receive, send, added)
        except ProblemError as problem:
            call["reason"] = str(problem)
            status = await self._refuse(problem, added, send)
        except Exception:
            call["reason"] = FAILURE
            _LOG.exception("%s %s failed", scope["method"], scope["path"], extra=call)
            failure = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, FAILURE)
            status = await self._refuse(failure, added, send)
        finally:
            self._end(scope, status, started, call)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, added: Headers) -> int:
        """Let the application answer, adding the id and what browsers are told."""
        status = 500

        async def send_with_headers(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *added,
                    *(header for header in SECURITY_HEADERS if header[0] not in present),
                ]
            await send(message)

        if scope["method"] == "HEAD":
            # The server leaves the body out, by the scope that it gave.
            scope = {**scope, "method": "GET"}
        await self._inner(scope, receive, send_with_headers)
        if status >= HTTPStatus.BAD_REQUEST:
            self._count_refused(status)
        return status

    async def _refuse(self, problem: ProblemError, added: Headers, send: Send) -> int:
        self._count_refused(problem.status)
        own = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        return await _send(
            send, int(problem.status), problem.body, [PROBLEM, *added, *own, *SECURITY_HEADERS]
        )

    def _count_refused(self, status: int) -> None:
        self._service.metrics.count(metrics.REFUSED, HTTPStatus(status).name.lower())

    def refuse_connection(self, problem: ProblemError, peer: str, method: str, path: str) -> bytes:
        """Log and count what is refused before it is a request, and give the id that it goes by."""
        request_id = self._ids.new()
        self._count_refused(problem.status)
        self._log.add(
            method, path, problem.status, 0.0, peer=peer, reason=str(problem), request_id=request_id.decode()
        )
        return request_id

    def _end(self, scope: Scope, status: int, started: float, call: Call) -> None:
        seconds = time.perf_counter() - started
        batcher = self._service.batcher
        version = "" if batcher is None else batcher.version
        route = scope["path"] if scope["path"] == "/predict" else "other"
        if scope["path"] != _ENDLESS or status >= HTTPStatus.BAD_REQUEST:
            self._service.metrics.observe(metrics.LATENCY, route, str(status), version, value=seconds)
        self._log.add(
            scope["method"],
            scope["path"],
            status,
            seconds,
            model=version,
            key=KEY_NAME.get(),
            peer=PEER.get(),
            **call,
        )


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> int:
    if status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def _plain(path: str) -> str:
    """Write a path in the one way that routes are looked up and guarded by: no slash doubled, none at the end."""
    if path == "/predict":
        return path
    return "/" + "/".join(part for part in path.split("/") if part)
