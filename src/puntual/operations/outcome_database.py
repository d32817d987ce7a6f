"""What became of flights, read from the journal's events by the days that the flights were scheduled on."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from puntual.features.flight_keys import NAMED, Category
from puntual.features.history import NOBODY, OperatedFlights
from puntual.operations.board import OUTCOMES, RANKS
from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_schema import EVENTS

_EPOCH = date(1970, 1, 1)
_DAY = sa.func.substr(EVENTS.c.scheduled_departure, 1, 10)
_IS_OUTCOME = EVENTS.c.kind.in_(OUTCOMES)
_NAMES = {
    "origin": "airport",
    "airline": "airline",
    "destination": "destination",
    "flight_number": "flight_number",
}
_COLUMNS = (*(_NAMES[name] for name in NAMED), "scheduled_departure", "departs", "at", "known_at", "kind")


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

    def read(self, first: int, last: int) -> OperatedFlights:
        """Read what became of the flights scheduled on some days, both included, by all that is known of them."""
        bounds = [(_EPOCH + timedelta(days=day)).isoformat() for day in (first, last + 1)]
        scheduled = EVENTS.c.scheduled_departure
        wanted = sa.select(*(EVENTS.c[name] for name in _COLUMNS)).where(
            _IS_OUTCOME, scheduled >= bounds[0], scheduled < bounds[1]
        )
        with self.open().connect() as connection:
            rows = connection.execute(wanted.order_by(EVENTS.c.id)).all()
        return _operated(dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))) if rows else NOBODY


def _operated(columns: dict[str, Sequence[Any]]) -> OperatedFlights:
    """Let of each flight's events the one count that the board takes, which is the one known last.

    Of those known at once the later kind counts, and of these the later happening.
    """
    named = {name: _category(columns[_NAMES[name]]) for name in NAMED}
    clock = _category(columns["scheduled_departure"])
    known, at = _seconds(columns["known_at"]), _seconds(columns["at"])
    kind = np.array([RANKS[word] for word in columns["kind"]], np.int64)
    flight = clock.positions.astype(np.int64)
    for name in ("origin", "airline", "flight_number"):
        flight = flight * len(named[name].values) + named[name].positions
    order = np.lexsort([at, kind, known, flight])
    ends = np.append(np.flatnonzero(np.diff(flight[order])), len(order) - 1)
    is_cancelled = kind[order[ends]] == RANKS["cancelled"]
    left = _last(order, ends, kind[order] == RANKS["left"])
    # Of a flight that is only known to have landed nobody knows by how much it was late.
    tells = np.flatnonzero(is_cancelled | (left >= 0))
    last, left, cancelled = order[ends[tells]], left[tells], is_cancelled[tells]
    departs = _seconds(columns["departs"])[last]
    to = _last(order, ends, _is_named(named["destination"])[order])[tells]
    destination = named["destination"].texts()[np.where(to < 0, last, to)]
    return OperatedFlights(
        {name: named[name].texts()[last] for name in NAMED} | {"destination": destination},
        _seconds(clock.values)[clock.positions[last]],
        np.where(cancelled, 0, at[left] - departs),
        ~cancelled,
        cancelled,
    )


def _last(order: NDArray[np.intp], ends: NDArray[np.intp], counts: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Give each flight's last row of those that count, -1 where it has none; its rows end in the order at `ends`."""
    place = np.maximum.accumulate(np.where(counts, np.arange(len(order)), -1))[ends]
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
