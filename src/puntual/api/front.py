"""The first thing that a request meets: its id, its key, the hot way to a prediction, and the log at the end.

`POST /predict` is answered here, on the bare protocol; all other routes, and what describes this one, are the
application's. Both go through the same checks and end in the same log.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from puntual.api import metrics
from puntual.api.access_log import AccessLog
from puntual.api.contract import PredictRequest
from puntual.api.contract_check import faults
from puntual.api.cors import Cors
from puntual.api.problems import MEDIA_TYPE, Problem, bad_fields
from puntual.api.security import Guard
from puntual.api.service import Service

Scope = Any
Receive = Any
Send = Any
Application = Any
Headers = list[tuple[bytes, bytes]]

_LOG = logging.getLogger("puntual.api")
_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACE = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# What a browser is told, whatever it was that it asked for.
SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())
# A body that takes longer to arrive holds a place that others wait for.
_SECONDS_TO_SEND = 10.0


class Front:
    """The ASGI application that the server calls."""

    def __init__(
        self, inner: Application, service: Service, guard: Guard, log: AccessLog, cors: Cors
    ) -> None:
        self._inner, self._service, self._guard, self._log, self._cors = inner, service, guard, log, cors
        self._decoder = msgspec.json.Decoder(PredictRequest)
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._count = 0
        self._start = format(time.time_ns(), "x")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        request_id, trace, headers = self._identify(scope["headers"])
        added: Headers = [(b"x-request-id", request_id), *self._cors.headers(headers)]
        status = 500
        try:
            preflight = self._cors.preflight(scope["method"], headers)
            if preflight is not None:
                status = await _send(send, 204, b"", preflight)
                return
            self._guard.admit(scope, headers)
            if scope["path"] == "/predict" and scope["method"] == "POST":
                answered = await self._predict(headers, request_id, receive)
                status = await _send(send, 200, answered, [_JSON, *added, *SECURITY_HEADERS])
            else:
                status = await self._pass_on(scope, receive, send, added)
        except Problem as problem:
            status = await self._refuse(problem, added, send)
        except Exception:
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            fault = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log says why")
            status = await self._refuse(fault, added, send)
        finally:
            self._end(scope, status, started, request_id, trace)

    def expire(self) -> None:
        """Give up on the requests whose bodies take too long; called once in a while."""
        now = time.monotonic()
        for task, since in list(self._reading.items()):
            if now - since > _SECONDS_TO_SEND:
                task.cancel("slow")

    async def _predict(self, headers: dict[bytes, bytes], request_id: bytes, receive: Receive) -> bytes:
        body = await self.read_body(headers, receive, self._service.settings.body_limit)
        answered = await self._service.answer(self.decode(headers, body), request_id.decode())
        return answered.body

    def decode(self, headers: dict[bytes, bytes], body: bytes) -> PredictRequest:
        """Read the request; raise Problem with an entry for each bad field."""
        kind = headers.get(b"content-type", b"")
        if not kind.startswith(b"application/json"):
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"media type {kind.decode('latin-1')[:60]!r} is not understood; send application/json",
            )
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise bad_fields(faults(msgspec.json.decode(body))) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error

    async def read_body(self, headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
        """Read a body of at most `limit` bytes; raise Problem for a longer, a slow or a broken one."""
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        task = asyncio.current_task()
        self._reading[task] = time.monotonic()  # type: ignore[index]
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                if len(body) > limit:
                    raise _too_large(limit)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != ("slow",):
                raise
            task.uncancel()  # type: ignore[union-attr]
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {_SECONDS_TO_SEND:.0f} s; send it at once",
                headers={"connection": "close"},
            ) from cancelled
        finally:
            del self._reading[task]  # type: ignore[arg-type]
        if message["type"] == "http.disconnect":
            raise Problem(HTTPStatus.BAD_REQUEST, "the connection ended before the body did")
        return body

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

        scope["front"] = self
        await self._inner(scope, receive, send_with_headers)
        return status

    async def _refuse(self, problem: Problem, added: Headers, send: Send) -> int:
        self._service.metrics.count(metrics.REFUSED, problem.status.name.lower())
        own = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        return await _send(
            send, int(problem.status), problem.body, [_PROBLEM, *added, *own, *SECURITY_HEADERS]
        )

    def _identify(
        self, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes | None, dict[bytes, bytes]]:
        """Take the id that the caller gave, or give one; and the trace that the call belongs to."""
        found = dict(headers)
        request_id = found.get(b"x-request-id")
        if request_id is None or not _ID.fullmatch(request_id):
            self._count += 1
            request_id = f"{self._start}-{self._count:x}".encode()
        trace = found.get(b"traceparent")
        return request_id, trace if trace and _TRACE.fullmatch(trace) else None, found

    def _end(self, scope: Scope, status: int, started: float, request_id: bytes, trace: bytes | None) -> None:
        seconds = time.perf_counter() - started
        answerer = self._service.answerer
        version = "" if answerer is None else answerer.version
        route = scope["path"] if scope["path"] == "/predict" else "other"
        self._service.metrics.observe(metrics.LATENCY, route, str(status), version, value=seconds)
        self._log.add(scope["method"], scope["path"], status, seconds, request_id, trace, version)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> int:
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def _too_large(limit: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {limit:,} bytes; send fewer flights at once",
        headers={"connection": "close"},
    )
