"""The first thing that a request meets: its id, its key, the hot way to a prediction, and the log at the end.

`POST /predict` is answered here, on the bare protocol, where its body has arrived whole and is as the contract says;
whatever else comes, on this route too, is the application's. Both go through the same checks and end in the same log.
"""

import logging
import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from puntual.api.auth.api_keys import ANONYMOUS
from puntual.api.auth.guard import KEY_NAME, PEER, Guard
from puntual.api.http.body import WHOLE, replay
from puntual.api.http.cors import Cors
from puntual.api.observability import metrics
from puntual.api.observability.access_log import AccessLog
from puntual.api.predict.contract import PredictRequest
from puntual.api.problems import MEDIA_TYPE, ProblemError
from puntual.api.serving.serving_model import ServingModel

Scope = Any
Receive = Any
Send = Any
Application = Any
Headers = list[tuple[bytes, bytes]]
# What the log says of a request, and of each message about it; the application adds the reason of a refusal.
Call = dict[str, Any]

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
# Of numbers that no page shows: each header costs the server a microsecond to check and to write.
_ANSWER_HEADERS = [
    header for header in SECURITY_HEADERS if header[0] not in (b"x-frame-options", b"referrer-policy")
]
FAILURE = "the service failed; its log says why"
PROBLEM = (b"content-type", MEDIA_TYPE.encode())


class Gateway:
    """The ASGI application that the server calls."""

    def __init__(
        self, inner: Application, service: ServingModel, guard: Guard, log: AccessLog, cors: Cors
    ) -> None:
        self._inner, self._service, self._guard, self._log, self._cors = inner, service, guard, log, cors
        self._decoder = msgspec.json.Decoder(PredictRequest)
        self._limit = service.settings.body_limit
        self._count = 0
        self._start = format(time.time_ns(), "x")

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
        request_id, trace, headers = self._identify(scope["headers"])
        added: Headers = [(b"x-request-id", request_id), *self._cors.headers(headers)]
        status, version, call = 500, "", _call(request_id, trace)
        try:
            preflight = self._cors.preflight(scope["method"], headers)
            if preflight is not None:
                status = await _send(send, 204, b"", [*preflight, added[0], *SECURITY_HEADERS])
                return
            scope["path"] = _plain(scope["path"])
            self._guard.admit(scope, headers)
            if (
                scope["path"] == "/predict"
                and scope["method"] == "POST"
                and WHOLE in scope
                and headers.get(b"content-type") == b"application/json"
            ):
                message = await receive()
                request = self._decoded(message)
                if request is not None:
                    self._guard.charge_flights(len(request.flights))
                    answered = await self._service.answer(request, request_id.decode())
                    version = answered.version
                    status = await _send(send, 200, answered.body, [_JSON, *added, *_ANSWER_HEADERS])
                    return
                receive = replay(message, receive)
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
            self._end(scope, status, version, started, call)

    def _decoded(self, message: Any) -> PredictRequest | None:
        """Read a body that has arrived whole; None for one that the application has to look at."""
        body = message.get("body", b"")
        if message.get("more_body") or len(body) > self._limit:
            return None
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

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

    def _identify(
        self, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes | None, dict[bytes, bytes]]:
        """Take the id that the caller gave, or give one; and the trace that the call belongs to."""
        by_name = dict(headers)
        request_id = by_name.get(b"x-request-id")
        if request_id is None or not _ID.fullmatch(request_id):
            request_id = self._new_id()
        trace = by_name.get(b"traceparent")
        return request_id, trace if trace and _TRACE.fullmatch(trace) else None, by_name

    def _new_id(self) -> bytes:
        self._count += 1
        return f"{self._start}-{self._count:x}".encode()

    def refuse_connection(self, problem: ProblemError, peer: str, method: str, path: str) -> bytes:
        """Log and count what is refused before it is a request, and give the id that it goes by."""
        request_id = self._new_id()
        self._count_refused(problem.status)
        self._log.add(
            method, path, problem.status, 0.0, peer=peer, reason=str(problem), request_id=request_id.decode()
        )
        return request_id

    def _end(self, scope: Scope, status: int, version: str, started: float, call: Call) -> None:
        seconds = time.perf_counter() - started
        batcher = self._service.batcher
        if not version and batcher is not None:
            version = batcher.version
        route = scope["path"] if scope["path"] == "/predict" else "other"
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


def _call(request_id: bytes, trace: bytes | None) -> Call:
    """Name a request in the log, as the access log does."""
    return {"request_id": request_id.decode(), "traceparent": None if trace is None else trace.decode()}


def _plain(path: str) -> str:
    """Write a path in the one way that routes are looked up and guarded by: no slash doubled, none at the end."""
    if path == "/predict":
        return path
    return "/" + "/".join(part for part in path.split("/") if part)
