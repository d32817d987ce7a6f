"""Where most requests of `POST /predict` are answered: on the connection itself, without a task or the application.

A request comes in here when it has arrived whole, is short and keeps to the contract; whatever else comes, on this
route too, is the application's. Both go through the same checks and end in the same log.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec

from puntual.api.auth.api_keys import ANONYMOUS
from puntual.api.auth.guard import Guard
from puntual.api.http.cors import Cors
from puntual.api.http.request_ids import RequestIds, trace_of
from puntual.api.http.response_headers import (
    ANSWER_LINES,
    FAILURE,
    JSON,
    JSON_LINE,
    PROBLEM,
    SECURITY_HEADERS,
    Headers,
    lines_of,
)
from puntual.api.observability import metrics
from puntual.api.observability.access_log import AccessLog
from puntual.api.predict.contract import QUICK_DECODER, PredictRequest
from puntual.api.predict.flight_resolution import has_codes
from puntual.api.predict.microbatch import MicroBatcher
from puntual.api.predict.response import Answered
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel

PATH = "/predict"
# Of a few flights; a longer body may take milliseconds to read, and is read in a thread.
_LONGEST_BODY = 16_384
_LOG = logging.getLogger("puntual.api")


def plain_head(headers: Headers) -> dict[bytes, bytes] | None:
    """Give a head by name, where it names a host, nothing twice, and a body of JSON that is not packed; else None."""
    head = dict(headers)
    is_plain = (
        len(head) == len(headers)
        and head.get(JSON[0]) == JSON[1]
        and b"host" in head
        and b"content-encoding" not in head
    )
    return head if is_plain else None


class PredictionDoor:
    """Reads requests, checks their keys and rates, and has the model that is in service answer them."""

    def __init__(
        self, service: ServingModel, guard: Guard, log: AccessLog, cors: Cors, ids: RequestIds
    ) -> None:
        self.service, self.guard, self.log, self.cors, self.ids = service, guard, log, cors, ids
        self._longest = min(_LONGEST_BODY, service.settings.body_limit)

    def read(self, body: bytes) -> tuple[PredictRequest, MicroBatcher] | None:
        """Read a body, and say who answers it; None for one that the application has to look at."""
        batcher = self.service.batcher
        if batcher is None or len(body) > self._longest:
            return None
        try:
            request = QUICK_DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        flights = request.flights
        is_short = not request.reasons and len(flights) <= batcher.light_flights
        return (request, batcher) if is_short and all(map(has_codes, flights)) else None


class Exchange:
    """A request that is answered at the door, and waits; to uvicorn it is what it calls a cycle."""

    class _NobodyWaits:
        def set(self) -> None:
            """Tell nobody that the connection is lost: nobody waits for more of the request."""

    __slots__ = (
        *("_as_of", "_door", "_key", "_now", "_peer", "_request_id", "_send", "_started", "_trace", "_added"),
        *("disconnected", "keep_alive", "response_complete"),
    )
    message_event = _NobodyWaits()

    def __init__(
        self,
        door: PredictionDoor,
        send: Callable[[int, bytes, bytes, bool], None],
        peer: str,
        *,
        keep_alive: bool,
    ) -> None:
        """Wait for an answer, and `send` its status, lines of headers and body, and whether the connection goes on."""
        self._started = time.perf_counter()
        self._door, self._send, self._peer, self.keep_alive = door, send, peer, keep_alive
        self._key = ANONYMOUS
        self.response_complete = self.disconnected = False

    def begin(self, headers: dict[bytes, bytes], request: PredictRequest, batcher: MicroBatcher) -> None:
        """Check who asks, and ask the model; a refusal is an answer, too."""
        door, self._as_of, self._now = self._door, request.as_of, datetime.now(UTC)
        request_id = door.ids.id_of(headers)
        self._request_id, self._trace = request_id.decode(), trace_of(headers)
        self._added = b"x-request-id: %s\r\n%s" % (request_id, lines_of(door.cors.headers(headers)))
        try:
            self._key = door.guard.admit("POST", PATH, headers)
            door.guard.charge(self._key, len(request.flights))
            batcher.ask(request, self._now, self)
        except Exception as error:
            self.fail(error)

    def take(self, answered: Answered) -> None:
        """Send the answer, and hand it to the journal."""
        try:
            body = answered.write()
            if (journal := self._door.service.journal) is not None:
                journal.record_many(
                    answered.journal_lines(self._now, self._request_id, self._as_of, self._key, self._peer)
                )
        except Exception as error:
            self.fail(error)
            return
        self._end(200, JSON_LINE + self._added + ANSWER_LINES, body, answered.version)

    def fail(self, error: Exception) -> None:
        """Send the reason why there is no answer."""
        if isinstance(error, ProblemError):
            problem = error
        else:
            call = {"request_id": self._request_id, "traceparent": self._trace}
            _LOG.error("POST %s failed", PATH, exc_info=error, extra=call)
            problem = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, FAILURE)
        service = self._door.service
        service.metrics.count(metrics.REFUSED, problem.status.name.lower())
        own = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        lines = lines_of([PROBLEM]) + self._added + lines_of([*own, *SECURITY_HEADERS])
        version = "" if service.batcher is None else service.batcher.version
        self._end(int(problem.status), lines, problem.body, version, str(problem))

    def _end(self, status: int, lines: bytes, body: bytes, version: str, reason: str | None = None) -> None:
        self.response_complete = True
        self._send(status, lines, body, self.keep_alive)
        # It is the connection's, which refers to this exchange: left here, both would outlive the connection until the
        # garbage collector's next full round.
        del self._send
        seconds = time.perf_counter() - self._started
        door = self._door
        door.service.metrics.observe(metrics.LATENCY, PATH, str(status), version, value=seconds)
        door.log.add(
            "POST",
            PATH,
            status,
            seconds,
            request_id=self._request_id,
            peer=self._peer,
            traceparent=self._trace,
            key=self._key,
            reason=reason,
            model=version,
        )
