"""Flights at a cut-off: who is looked at, and at which minute; and what lies on a sorted line by entity and minute."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Ids, Keys, combine
from puntual.flights.operations import NEVER, Minutes

MINUTES_A_DAY = 24 * 60
# An operating day begins at four in the morning, when hardly anybody flies.
DAY_BEGINS = 4 * 60
LEVELS = ("network", "airport", "airline", "destination")
# The id of the network among entities.
NETWORK = 0
# One entity's stretch of a line holds every minute from 1970 to `NEVER`, with room for windows.
_STRETCH = 1 << 27
# So few are not worth sorting before they are looked up on a line.
_FEW_TO_SORT = 1_024


@dataclass(frozen=True, slots=True)
class CutOffs:
    """n flights, each at a cut-off, shape (n,): real minutes since 1970, and the offset of the origin's clocks.

    `listed` says of which flights a timetable of their day is known, with themselves in it.
    """

    keys: Keys
    scheduled: Minutes
    cut_off: Minutes
    offset: Minutes
    listed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scheduled)

    def take(self, flights: NDArray[np.intp]) -> "CutOffs":
        """Keep the flights at these positions."""
        kept = {name: getattr(self, name)[flights] for name in ("scheduled", "cut_off", "offset", "listed")}
        return replace(self, keys=self.keys.take(flights), **kept)

    def tiled(self, times: int) -> "CutOffs":
        """Give the same so many times over, one after another, but for the keys, which stay those of n flights."""
        return CutOffs(
            self.keys,
            np.tile(self.scheduled, times),
            np.tile(self.cut_off, times),
            np.tile(self.offset, times),
            np.tile(self.listed, times),
        )

    @property
    def day_begin(self) -> Minutes:
        """When the operating day of the cut-off began, by the origin's clocks."""
        local = self.cut_off + self.offset - DAY_BEGINS
        return self.cut_off - local % MINUTES_A_DAY


@dataclass(frozen=True, slots=True)
class EventLine:
    """Running totals of what happened to entities, on one sorted line of (entity, minute).

    Counts are whole numbers, so a difference of totals is the same to the bit wherever the line begins.
    """

    entities: Ids
    line: NDArray[np.int64]
    totals: NDArray[np.int64]

    def until(self, entity: Ids, minute: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities up to a minute, which is included; shape (n, counts)."""
        return self.between(entity, np.zeros_like(minute) - 1, minute)

    def between(self, entity: Ids, after: Minutes, until: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities after one minute and up to another, shape (n, counts)."""
        if not len(self.entities):
            return np.zeros((len(entity), self.totals.shape[1]), np.int64)
        order = _order_of(entity)
        place = np.minimum(_places_in(self.entities, entity, order), len(self.entities) - 1)
        start = place * _STRETCH + 1
        high, low = (self._place(start + minute) for minute in (until, after))
        sums = self.totals[high] - self.totals[low]
        sums[self.entities[place] != entity] = 0
        return sums

    def before(self, entity: Ids) -> NDArray[np.intp]:
        """Count what lies on the line before n entities of it, shape (n,)."""
        place = np.minimum(_places_in(self.entities, entity, _order_of(entity)), len(self.entities) - 1)
        return self._place(place * _STRETCH) if len(self.entities) else np.zeros(len(entity), np.intp)

    def _place(self, moment: NDArray[np.int64]) -> NDArray[np.intp]:
        return _places_in(self.line, moment, _order_of(moment), after=True)


def line_of(entity: Ids, minute: Minutes, counts: NDArray[np.int64]) -> EventLine:
    """Sort counts, shape (n, counts), of entities at minutes into a line; what is `NEVER` is left out."""
    happens = np.flatnonzero(minute < NEVER)
    entities, place = np.unique(entity[happens], return_inverse=True)
    line = place * _STRETCH + 1 + minute[happens]
    order = line.argsort(kind="stable")
    totals = np.zeros((len(happens) + 1, counts.shape[1]), np.int64)
    np.cumsum(counts[happens[order]], axis=0, out=totals[1:])
    return EventLine(entities, line[order], totals)


def network_line(minute: Minutes, counts: NDArray[np.int64]) -> EventLine:
    """Take counts, shape (n, counts), of the network at minutes that are in order as a line."""
    totals = np.zeros((len(minute) + 1, counts.shape[1]), np.int64)
    np.cumsum(counts, axis=0, out=totals[1:])
    return EventLine(np.array([NETWORK], np.uint64), minute + 1, totals)


def entities_of(keys: Keys) -> dict[str, Ids]:
    """Give each flight the id of its network, airport, airline there and destination from there."""
    airport = combine(np.full(len(keys), len(LEVELS), np.uint64), keys.origin.ids)
    ids = (
        np.full(len(keys), NETWORK, np.uint64),
        airport,
        combine(airport, keys.airline.ids),
        # Another base than that of the airlines, whose codes may be an airport's.
        combine(~airport, keys.destination.ids),
    )
    return dict(zip(LEVELS, ids, strict=True))


def _order_of(wanted: NDArray[Any]) -> NDArray[np.intp] | None:
    """Give the order in which to look values up on a sorted line; None for so few that it does not pay.

    In order, values find the line in the cache: six times faster than `np.searchsorted` at random.
    """
    return None if len(wanted) <= _FEW_TO_SORT else wanted.argsort()


def _places_in(
    line: NDArray[Any], wanted: NDArray[Any], order: NDArray[np.intp] | None, *, after: bool = False
) -> NDArray[np.intp]:
    """Find where values would go on a sorted line: before what equals them, or `after` it.

    `order` only saves time: that of these values, or of others that go up with them.
    """
    side: Literal["left", "right"] = "right" if after else "left"
    if order is None:
        return line.searchsorted(wanted, side)
    places = np.empty(len(wanted), np.intp)
    places[order] = line.searchsorted(wanted[order], side)
    return places
