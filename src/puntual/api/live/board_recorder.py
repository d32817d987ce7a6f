"""Puts predictions of the board's flights into the journal, so that they can be held against what happened.

A flight is recorded at each horizon, and whenever the probability of a band moves by a point or more.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import astuple

from puntual.api.live.airport_board import flights_within, key_of, resolve_known
from puntual.api.live.period import Period
from puntual.api.predict.contract import Bands
from puntual.api.predict.resolved_flight import ResolvedFlight, ResolvedRequest
from puntual.api.predict.response import Answered
from puntual.api.serving.serving_model import ServingModel
from puntual.flights import airports
from puntual.operations.board import Board, FlightState
from puntual.operations.event import FlightKey
from puntual.operations.journal_line import JournalRow
from puntual.storage.file_lock import SoleHolder

NAME = "board"
HORIZONS = (720, 360, 180, 120, 60, 30)
MOVED = 0.01
_PAUSE = 30.0
_BEFORE, _AHEAD = timedelta(hours=6), timedelta(minutes=HORIZONS[0])
_LOG = logging.getLogger("puntual.service")


class BoardRecorder:
    """Looks at the airports that events tell of, again and again; of the workers that share a state folder one does."""

    def __init__(self, service: ServingModel, board: Board, state: Path, max_age: timedelta) -> None:
        """Record flights of airports whose newest event is at most so old."""
        self._service, self._board, self._max_age = service, board, max_age
        self._turn = SoleHolder(state / f".{NAME}.lock")
        # Of each flight the bands and the horizon in minutes when it was recorded last.
        self._recorded: dict[FlightKey, tuple[Bands, int]] = {}

    async def run(self) -> None:
        """Look again and again; nothing that goes wrong ends it."""
        while True:
            await asyncio.sleep(_PAUSE)
            if not self._board.airports or self._service.journal is None or self._service.batcher is None:
                continue
            try:
                if self._turn.is_ours():
                    await self.look(datetime.now(UTC))
            except Exception:
                _LOG.exception("the board's predictions could not be recorded")

    async def look(self, now: datetime) -> int:
        """Record the flights for which it is time, and count them."""
        seen: dict[FlightKey, tuple[Bands, int]] = {}
        count = 0
        for airport in list(self._board.airports):
            age = self._board.data_age(airport, now)
            if age is not None and age <= self._max_age:
                count += await self._record(airport, now, seen)
        # Flights that have left the board are forgotten.
        self._recorded = seen
        return count

    async def _record(self, airport: str, now: datetime, seen: dict[FlightKey, tuple[Bands, int]]) -> int:
        zone_name = self._service.unlisted.get(airport) or airports.find(airport).time_zone
        zone = ZoneInfo(zone_name)
        clock = now.astimezone(zone).replace(tzinfo=None)
        period = Period(airport, zone, clock - _BEFORE, clock + _AHEAD, now)
        states = await flights_within(self._service, self._board, period)
        flights = await self._service.apart(_open, states, zone)
        if not flights or self._service.journal is None:
            return 0
        answered = await self._service.answer_at(now, ResolvedRequest(flights))
        due = await self._service.apart(self._due, answered, now, seen)
        self._service.journal.record_many(due)
        return len(due)

    def _due(
        self, answered: Answered, now: datetime, seen: dict[FlightKey, tuple[Bands, int]]
    ) -> list[JournalRow]:
        """Give the lines of the flights for which it is time, and see all of them."""
        due = []
        lines = answered.journal_lines(now, NAME, None, NAME, "")
        for flight, row, line in zip(answered.flights, answered.predictions, lines, strict=True):
            key, minutes = key_of(flight), int((flight.instant - now) / timedelta(minutes=1))
            before = self._recorded.get(key)
            if before is None or _is_due(before, row.bands, minutes):
                due.append(line)
                before = (row.bands, minutes)
            seen[key] = before
        return due


def _open(states: Mapping[FlightKey, FlightState], zone: ZoneInfo) -> list[ResolvedFlight]:
    """Take the flights that are still to leave."""
    open_ones = {flight: state for flight, state in states.items() if state.status == "scheduled"}
    return resolve_known(open_ones, zone)


def _is_due(before: tuple[Bands, int], bands: Bands, minutes: int) -> bool:
    """Tell whether a flight moved by a point or more, or passed a horizon, since it was recorded."""
    crossed = any(minutes <= horizon < before[1] for horizon in HORIZONS)
    moved = zip(astuple(bands), astuple(before[0]), strict=True)
    return crossed or any(abs(now - then) >= MOVED for now, then in moved)
