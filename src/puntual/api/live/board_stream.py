"""The board of an airport as it changes: server-sent events for as long as somebody looks at it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from puntual.api.auth.guard import Guard
from puntual.api.live.airport_board import (
    AirportFlights,
    BoardFlight,
    PredictedDelay,
    airport_flights,
    write_with_flights,
)
from puntual.api.live.period import period_around
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.operations.board import Board
from puntual.operations.event import FlightKey
from puntual.operations.mark_feed import MarkFeed

MOST_HOURS = 120
MOST_STREAMS = 64
# Whatever happened, the numbers are made anew after so long; time alone moves those of flights that are overdue.
_REFRESH = 30.0
# Others' news is known within a second, and is on its way within another.
_LOOK, _LEAST_PAUSE = 0.25, 0.5
# A connection that says nothing for longer is taken for a dead one.
_BREATH = 5.0
_ALIVE = b":\n\n"
# What the OpenAPI document, which has no word for an answer without an end, says of it.
STREAM = (
    "Events without an end. The data of each `flights` is a `BoardPart` on one line, the first of them with the whole "
    "board. The data of `refused`, after which nothing follows, are the problem details of why."
)
STREAM_EXAMPLE = (
    'event: flights\ndata: {"airport":"SCL","time_zone":"America/Santiago","as_of":"2037-10-03T20:30:00",'
    '"data_age_seconds":41,"target":"departure","gone":[["LAN","226","SCL","2037-10-03T14:20"]],"flights":[]}\n\n:\n\n'
)


class StreamedBoard(NamedTuple):
    """The airport that is looked at, how far back and ahead, and for how many flights with reasons."""

    airport: str
    before: timedelta
    ahead: timedelta
    reasons: int


class BoardPart(msgspec.Struct, frozen=True):
    """What is new of a board: flights that are new or changed, whole, and the names of those that are gone."""

    airport: str
    time_zone: str
    as_of: str
    data_age_seconds: int | None
    target: PredictedDelay
    gone: list[FlightKey]
    flights: list[BoardFlight]


class BoardStreams:
    """The streams of one worker, which end when it does."""

    def __init__(self, service: ServingModel, board: Board, marks: MarkFeed | None, guard: Guard) -> None:
        self._service, self._board, self._marks, self._guard = service, board, marks, guard
        self._count, self._has_ended = 0, False

    def end(self) -> None:
        """End all streams; their readers come back to whoever answers then."""
        self._has_ended = True

    def open(
        self, wanted: StreamedBoard, headers: dict[bytes, bytes], request_id: str
    ) -> AsyncIterator[bytes]:
        """Begin a stream; raise ProblemError for an airport that is none, or where there are too many."""
        period_around(wanted.airport, wanted.before, wanted.ahead, self._service.unlisted)
        if self._count >= MOST_STREAMS:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._count} boards are followed already; ask `GET /flights` now and then",
                headers={"retry-after": "30"},
            )
        return self._parts(wanted, headers, request_id)

    async def _parts(
        self, wanted: StreamedBoard, headers: dict[bytes, bytes], request_id: str
    ) -> AsyncIterator[bytes]:
        seen: dict[FlightKey, int] = {}
        self._count += 1
        try:
            while not self._has_ended:
                # A key may have been revoked since the part before.
                self._guard.admit("GET", "/flights", headers)
                version = self._version()
                count, part = await self._look(wanted, seen, request_id)
                self._guard.charge_flights(count)
                yield b"event: flights\ndata: " + part + b"\n\n"
                await asyncio.sleep(_LEAST_PAUSE)
                async for breath in self._until_changed(version):
                    self._guard.admit("GET", "/flights", headers)
                    yield breath
        except ProblemError as problem:
            yield b"event: refused\ndata: " + problem.body + b"\n\n"
        finally:
            self._count -= 1

    async def _look(
        self, wanted: StreamedBoard, seen: dict[FlightKey, int], request_id: str
    ) -> tuple[int, bytes]:
        """Count and write the flights in which the board differs from what was seen."""
        period = period_around(wanted.airport, wanted.before, wanted.ahead, self._service.unlisted)
        return await airport_flights(
            self._service,
            self._board,
            self._marks,
            period,
            lambda board: _written_news(board, seen),
            request_id=request_id,
            reasons=wanted.reasons,
        )

    async def _until_changed(self, version: tuple[object, ...]) -> AsyncIterator[bytes]:
        """Wait until something is new, or for long enough, with a sign of life now and then."""
        due = time.monotonic() + _REFRESH
        breath = time.monotonic() + _BREATH
        while not self._has_ended and self._version() == version and time.monotonic() < due:
            await asyncio.sleep(_LOOK)
            if time.monotonic() >= breath:
                breath += _BREATH
                yield _ALIVE

    def _version(self) -> tuple[object, ...]:
        batcher = self._service.batcher
        model = None if batcher is None else batcher.version
        return self._board.version, None if self._marks is None else self._marks.version, model


def _written_news(board: AirportFlights, seen: dict[FlightKey, int]) -> tuple[int, bytes]:
    part = _news(board, seen)
    flights = [msgspec.json.encode(flight) for flight in part.flights]
    return len(flights), write_with_flights(part, flights)


def _news(board: AirportFlights, seen: dict[FlightKey, int]) -> BoardPart:
    """Keep of a board what differs from what was seen, and see it."""
    now = {_key(flight): flight for flight in board.flights}
    hashes = {key: _content(flight) for key, flight in now.items()}
    changed = [now[key] for key, content in hashes.items() if seen.get(key) != content]
    gone = [key for key in seen if key not in now]
    seen.clear()
    seen.update(hashes)
    return BoardPart(
        board.airport, board.time_zone, board.as_of, board.data_age_seconds, board.target, gone, changed
    )


def _key(flight: BoardFlight) -> FlightKey:
    return FlightKey(flight.airline, flight.flight_number, flight.origin, flight.scheduled_departure)


def _content(flight: BoardFlight) -> int:
    """Tell a flight from what it was, but for what moves with the clock alone."""
    if flight.prediction is not None:
        timeless = msgspec.structs.replace(
            flight.prediction, data_age_seconds=msgspec.UNSET, horizon_minutes=None
        )
        flight = msgspec.structs.replace(flight, prediction=timeless)
    return hash(msgspec.json.encode(flight))
