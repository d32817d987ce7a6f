"""What became of flights, read from the journal's events by the days that the flights were scheduled on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from puntual.features.flight_keys import NAMED, Category
from puntual.features.history import NOBODY, OperatedFlights
from puntual.flights.flight import Target
from puntual.operations.board import OUTCOMES, RANKS
from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_schema import EVENTS
from puntual.operations.landings import arrival_delays, on_clocks_of

_EPOCH = date(1970, 1, 1)
_DAY = sa.func.substr(EVENTS.c.scheduled_departure, 1, 10)
_IS_OUTCOME = EVENTS.c.kind.in_(OUTCOMES)
_NAMES = {
    "origin": "airport",
    "airline": "airline",
    "destination": "destination",
    "flight_number": "flight_number",
}
_MOMENTS = ("scheduled_departure", "departs", "scheduled_arrival", "at", "known_at")
_COLUMNS = (*(_NAMES[name] for name in NAMED), *_MOMENTS, "kind")


class OutcomeDatabase(JournalEngine):
    """The events that tell what became of flights; every method raises what the driver raises."""

    def newest_id(self) -> int:
        """Give the id of the event that was appended last; 0 where there is none."""
        with self.open().connect() as connection:
            return connection.scalar(sa.select(sa.func.max(EVENTS.c.id))) or 0

    def days_of(self, after: int, until: int) -> set[int]:
        """Give the scheduled days (since 1970) of the flights that events tell of, from an id on and up to another."""
        within = (EVENTS.c.id > after) & (EVENTS.c.id <= until)
        with self.open().connect() as connection:
            days = connection.scalars(sa.select(_DAY).distinct().where(within, _IS_OUTCOME)).all()
        return {(date.fromisoformat(day) - _EPOCH).days for day in days}

    def read(self, first: int, last: int, target: Target = Target.DEPARTURE) -> OperatedFlights:
        """Read what became of the flights scheduled on some days, both included, by all that is known of them."""
        bounds = [(_EPOCH + timedelta(days=day)).isoformat() for day in (first, last + 1)]
        scheduled = EVENTS.c.scheduled_departure
        wanted = sa.select(*(EVENTS.c[name] for name in _COLUMNS)).where(
            _IS_OUTCOME, scheduled >= bounds[0], scheduled < bounds[1]
        )
        with self.open().connect() as connection:
            rows = connection.execute(wanted.order_by(EVENTS.c.id)).all()
        if not rows:
            return NOBODY
        events = _Events(dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)))
        return events.departures() if target is Target.DEPARTURE else events.arrivals()


class _Events:
    """Rows of events in the order in which each flight's count: that counts which the board takes, known last.

    Of those known at once the later kind counts, and of these the later happening.
    """

    def __init__(self, columns: dict[str, Sequence[Any]]) -> None:
        self._named = {name: _category(columns[_NAMES[name]]) for name in NAMED}
        self._clock = _category(columns["scheduled_departure"])
        self._due = _category([due or "" for due in columns["scheduled_arrival"]])
        self._departs, self._at = _seconds(columns["departs"]), _seconds(columns["at"])
        self._kind = np.array([RANKS[word] for word in columns["kind"]], np.int64)
        flight = self._clock.positions.astype(np.int64)
        for name in ("origin", "airline", "flight_number"):
            flight = flight * len(self._named[name].values) + self._named[name].positions
        self._order = np.lexsort([self._at, self._kind, _seconds(columns["known_at"]), flight])
        self._ends = np.append(np.flatnonzero(np.diff(flight[self._order])), len(flight) - 1)

    def departures(self) -> OperatedFlights:
        """Give the flights that left, and those that never did."""
        left, cancelled = self._last(self._kind == RANKS["left"]), self._are_cancelled()
        # Of a flight that is only known to have landed nobody knows by how much it was late when it left.
        tells = np.flatnonzero(cancelled | (left >= 0))
        late = self._at[left[tells]] - self._departs[self._last_of_all()[tells]]
        return self._flights(tells, cancelled[tells], late)

    def arrivals(self) -> OperatedFlights:
        """Give the flights that are known to have landed, and when they were due, and those that were cancelled.

        Whoever only left may be in the air, have been diverted, or not have been told of.
        """
        landed, cancelled = self._last(self._kind == RANKS["arrived"]), self._are_cancelled()
        due = self._last(_is_named(self._due))
        tells = np.flatnonzero(cancelled | ((landed >= 0) & (due >= 0)))
        at, is_cancelled = self._at[landed[tells]], cancelled[tells]
        shown = np.where(is_cancelled, 0, _seconds(self._due.values)[self._due.positions[due[tells]]])
        late, can_be = arrival_delays(at, shown, self._destinations()[tells])
        flights = self._flights(tells, is_cancelled, late)
        ahead = flights.scheduled - self._departs[self._last_of_all()[tells]]
        known = on_clocks_of(flights.named["origin"], at, otherwise=ahead)
        flights = replace(flights, known=np.where(is_cancelled, flights.scheduled, known))
        return flights.take(np.flatnonzero(is_cancelled | can_be))

    def _flights(
        self, tells: NDArray[np.intp], cancelled: NDArray[np.bool_], late: NDArray[np.int64]
    ) -> OperatedFlights:
        last = self._last_of_all()[tells]
        names = {name: self._named[name].texts()[last] for name in NAMED}
        return OperatedFlights(
            names | {"destination": self._destinations()[tells]},
            _seconds(self._clock.values)[self._clock.positions[last]],
            np.where(cancelled, 0, late),
            ~cancelled,
            cancelled,
        )

    def _are_cancelled(self) -> NDArray[np.bool_]:
        cancelled: NDArray[np.bool_] = self._kind[self._last_of_all()] == RANKS["cancelled"]
        return cancelled

    def _destinations(self) -> NDArray[np.str_]:
        """Give where each flight goes, by the last of its events that says so."""
        to, texts = self._last(_is_named(self._named["destination"])), self._named["destination"].texts()
        destinations: NDArray[np.str_] = texts[np.where(to < 0, self._last_of_all(), to)]
        return destinations

    def _last_of_all(self) -> NDArray[np.intp]:
        last: NDArray[np.intp] = self._order[self._ends]
        return last

    def _last(self, counts: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Give each flight's last row of those that count, -1 where it has none."""
        order, ends = self._order, self._ends
        place = np.maximum.accumulate(np.where(counts[order], np.arange(len(order)), -1))[ends]
        begins = np.append(0, ends[:-1] + 1)
        return np.where(place >= begins, order[place], -1)


def _category(texts: Sequence[str]) -> Category:
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return Category(tuple(places), np.array([places[text] for text in texts], np.intp))


def _is_named(destination: Category) -> NDArray[np.bool_]:
    return np.array([bool(value) for value in destination.values])[destination.positions]


def _seconds(moments: Sequence[str]) -> NDArray[np.int64]:
    """Read moments to the second, all of one clock."""
    seconds: NDArray[np.int64] = np.array(moments, "U19").astype("datetime64[s]").astype(np.int64)
    return seconds
