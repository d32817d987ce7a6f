"""A board and a timetable, followed so that what is known of any airport's day can be read at any moment."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np

from puntual.features.flight_keys import EPOCH, Keys
from puntual.features.rotation import Turns
from puntual.features.vector import Matrix
from puntual.flights.flight import LateRule
from puntual.operations.board import Board
from puntual.operations.event import FlightKey, KnownEvent
from puntual.operations.operations_layout import FlightsAtCutOffs, OperationsLayout

_EPOCH = EPOCH.replace(tzinfo=UTC)
# The board forgets by the hour; what it forgot is left out here when all is laid out anew.
_LAID_OUT_FOR = timedelta(days=1)
# So many flights are placed before whoever waits for a prediction may read.
_AT_ONCE = 64
_NOTHING: Mapping[str, str] = MappingProxyType({})


class LiveOperations:
    """Follows a board, whose events come from one thread at a time; it is asked from any."""

    def __init__(self, board: Board) -> None:
        """Follow a board from now on."""
        self._board = board
        self._timetable: Keys | None = None
        self._rule, self._unlisted = LateRule.MORE_THAN_15, _NOTHING
        self._changing, self._reading = threading.Lock(), threading.Lock()
        self._laid_out_at = datetime.min.replace(tzinfo=UTC)
        self._layout = OperationsLayout(board, self._rule)
        board.follower = self.follow

    def know(self, timetable: Keys, rule: LateRule, unlisted: Mapping[str, str] = _NOTHING) -> None:
        """Take a timetable, and what counts as late; `unlisted` are airports that nobody lists, with time zones."""
        with self._changing:
            self._timetable, self._rule, self._unlisted = timetable, rule, unlisted
            self._lay_out()

    def follow(self, events: Sequence[KnownEvent]) -> None:
        """Take events that are new on the board."""
        newest = max(event.known_at for event in events)
        with self._changing:
            if newest > self._laid_out_at + _LAID_OUT_FOR:
                self._laid_out_at = newest
                self._lay_out()
                return
            of_flights = [event.flight for event in events if event.kind != "weather"]
            flights = list(dict.fromkeys([*self._listed_flights(self._layout, events), *of_flights]))
            for start in range(0, len(flights), _AT_ONCE):
                with self._reading:
                    self._layout.place(flights[start : start + _AT_ONCE])
            if len(of_flights) < len(events):
                self._layout.look_at_weather()

    def columns(self, at_cut_offs: FlightsAtCutOffs, turns: Turns) -> Matrix:
        """Give what was known of n flights at their cut-offs in `LIVE_COLUMNS` order, shape (n, columns)."""
        with self._reading:
            return self._layout.columns(at_cut_offs, turns)

    def _lay_out(self) -> None:
        layout = OperationsLayout(self._board, self._rule)
        layout.look_at_weather()
        boards = list(self._board.airports.values())
        known = {flight: events for board in boards for flight, events in list(board.flights.items())}
        newest = [events[-1] for events in (*known.values(), *(board.weather for board in boards)) if events]
        layout.place(list(dict.fromkeys([*self._listed_flights(layout, newest), *known])))
        with self._reading:
            self._layout = layout

    def _listed_flights(self, layout: OperationsLayout, events: Iterable[KnownEvent]) -> list[FlightKey]:
        """List the timetable's flights of the days that events were known on, and of the days around them."""
        if self._timetable is None:
            return []
        known_on = {(event.known_at - _EPOCH).days for event in events}
        days = {day + around for day in known_on for around in (-1, 0, 1)} - layout.days
        flights: list[FlightKey] = []
        for day in sorted(days):
            of_day = self._timetable.take(np.flatnonzero(self._timetable.day == day))
            with self._reading:
                flights += layout.list_day(day, of_day, self._unlisted)
        return flights
