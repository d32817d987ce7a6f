"""How late flights were lately, closed at the end of a day: by airport, airline, destination, route, number.

The late rates and mean delays of an airport are given as they are; those of all that flies from it are given as
the difference from the airport's, so that what sets a flight apart does not move with the season's level.
Counts are whole numbers (flights, late and departed ones, seconds of delay), so a sum is the same to the bit
however it was reached, from a whole year or from the sixty days that a bundle keeps.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import (
    NAMED,
    Days,
    Ids,
    Keys,
    as_ids,
    category,
    combine,
    distinct,
    order_of,
    places_in,
)
from puntual.features.spec import Feature, Group, Known, on_grid
from puntual.flights.arrays import Columns, grouped, take

WINDOWS = (1, 7, 30, 60)
# Each level leans on its parent for as many flights as its strength says.
LEVELS: tuple[tuple[str, str | None, float], ...] = (
    ("network", None, 0.0),
    ("airport", "network", 10.0),
    ("airline", "airport", 20.0),
    ("destination", "airport", 20.0),
    ("route", "airline", 20.0),
    ("flight", "route", 10.0),
)
_NAMES = tuple(level for level, _, _ in LEVELS)
_SHOWN = tuple(level for level, _, _ in LEVELS if level != "network")
_NOUN = {
    "airport": "the airport",
    "airline": "the airline there",
    "destination": "flights to the destination",
    "route": "the airline to the destination",
    "flight": "the flight number",
}
FEATURES = tuple(
    Feature(
        f"{level}_{what}_{window}d",
        Group.HISTORY,
        Known.HISTORY,
        f"{meaning} of {_NOUN[level]}, {window} days",
    )
    for level in _SHOWN
    for window in WINDOWS
    for what, meaning in (("late_rate", "late rate"), ("delay", "mean delay"), ("support", "flights"))
)
# A departure three hours behind says no more about tomorrow than one two hours behind.
DELAY_CAP_SECONDS = 2 * 60 * 60
COUNTS = ("flights", "late", "departed", "delay_seconds")
_RATE_BITS, _DELAY_BITS = 12, 6


@dataclass(frozen=True, slots=True)
class _Line:
    """Running totals of all operations, once at each level, on one sorted line of (entity, day)."""

    entities: Ids
    line: NDArray[np.int64]
    totals: NDArray[np.int64]

    def sums(self, entity: Ids, first: Days, end: Days) -> NDArray[np.int64]:
        """Sum the counts of n entities from each of some first days to end, which is excluded.

        Days count from day 0. Shapes: `entity` and `end` (n,), `first` (first days, n), to (4, n, first days).
        """
        if not len(self.entities):
            return np.zeros((len(COUNTS), *first.T.shape), np.int64)
        order = order_of(entity)
        place = np.minimum(places_in(self.entities, entity, order), len(self.entities) - 1)
        start = place * _STRETCH
        high = places_in(self.line, start + end, order)
        # A window that begins after its end is empty.
        low = np.array([places_in(self.line, start + begin, order) for begin in np.minimum(first, end)])
        counts = self.totals[:, high][:, :, np.newaxis] - self.totals[:, low.T]
        counts[:, self.entities[place] != entity] = 0
        return counts


# Days that one entity may span on the line: over 2,800 years.
_STRETCH = 1 << 20
_BACK = np.array(WINDOWS)[:, np.newaxis]
_FEW = 64


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The distinct (entity, day) pairs of one level: an example of each, and where each flight finds its own."""

    examples: NDArray[np.intp]
    places: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Shrunk:
    """One level's windows for its distinct pairs."""

    rate: NDArray[np.float64]
    delay: NDArray[np.float64]
    support: NDArray[np.float64]
    pairs: _Pairs

    def of(self, flights: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give rates and delays of the flights at these positions."""
        places = self.pairs.places[flights]
        return self.rate[places], self.delay[places]

    def block(self, rate: NDArray[np.float64], delay: NDArray[np.float64]) -> NDArray[np.float32]:
        """Lay out rates and delays, less those given, and the support, window by window for each flight."""
        shown = [
            on_grid(self.rate - rate, _RATE_BITS),
            on_grid(self.delay - delay, _DELAY_BITS),
            self.support.astype(np.float32),
        ]
        return np.stack(shown, axis=2).reshape(len(self.rate), -1)[self.pairs.places]


def _pairs(entity: Ids, day: Days, closed: Days) -> _Pairs:
    if len(entity) <= _FEW:
        # So few are looked up one by one sooner than sorted.
        every = np.arange(len(entity))
        return _Pairs(every, every)
    return _Pairs(*distinct(combine(entity, as_ids(day), as_ids(closed))))


def _shrunk(counts: NDArray[np.int64], pairs: _Pairs, parent: _Shrunk | None, strength: float) -> _Shrunk:
    flights, late, departed, seconds = counts
    parent_rate, parent_delay = parent.of(pairs.examples) if parent else (0.0, 0.0)
    with np.errstate(invalid="ignore"):
        rate = (late + strength * parent_rate) / (flights + strength)
        delay = (seconds / 60 + strength * parent_delay) / (departed + strength)
    # Where nothing flew at all no rate is known, and a count of 0 would claim that the history reaches there.
    return _Shrunk(rate, delay, np.where(np.isnan(rate), np.nan, flights), pairs)


@dataclass(frozen=True, slots=True)
class History:
    """Past operations, laid out for looking up how late flights were in the days before any day.

    `first` and `end` are the days (since 1970) that it covers, end excluded.
    """

    first: int
    end: int
    line: _Line

    def features(self, keys: Keys, closed: Days) -> NDArray[np.float32]:
        """Give the features of n flights from operations known before day `closed`, in `FEATURES` order.

        A window is counted back from the day of the flight, so that what is old is missing, never stale.
        Shapes: `closed` (n,) to (n, 60). NaN where the history does not reach into a window.
        """
        entities = _entities(keys)
        pairs = {level: _pairs(entities[level], keys.day, closed) for level in _NAMES}
        counts = self._windows(entities, pairs, keys.day, closed)
        shrunk: dict[str, _Shrunk] = {}
        for level, parent, strength in LEVELS:
            shrunk[level] = _shrunk(counts[level], pairs[level], shrunk.get(parent or ""), strength)
        return np.hstack([_columns_of(shrunk[level], shrunk["airport"]) for level in _SHOWN])

    def _windows(
        self, entities: dict[str, Ids], pairs: dict[str, _Pairs], day: Days, closed: Days
    ) -> dict[str, NDArray[np.int64]]:
        """Count all levels' distinct pairs together: a look-up costs more than what it looks up."""
        examples = np.concatenate([pairs[level].examples for level in _NAMES])
        entity = np.concatenate([entities[level][pairs[level].examples] for level in _NAMES])
        own = day[examples]
        last = self._reached(np.minimum(own, closed[examples]))
        counts = self.line.sums(entity, self._reached(own - _BACK), last)
        ends = np.cumsum([len(pairs[level].examples) for level in _NAMES])
        return dict(zip(_NAMES, np.split(counts, ends[:-1], axis=1), strict=True))

    def _reached(self, day: Days) -> Days:
        return np.minimum(np.maximum(day, self.first), self.end) - self.first


def closing(operations: Columns) -> Columns:
    """Keep what the longest window can still reach: the counts of the last sixty days, summed by flight."""
    day = operations["day"]
    kept = take(operations, day > day.max(initial=0) - max(WINDOWS))
    order, begins = grouped([kept[name] for name in (*NAMED, "day")])
    sums = {name: np.add.reduceat(kept[name][order], begins) for name in COUNTS}
    return take({name: kept[name] for name in (*NAMED, "day")}, order[begins]) | sums


def build_history(operations: Columns) -> History:
    """Sort rows of counts, each with its flight's `NAMED` and the `day` it became known on, into a history."""
    day = operations["day"]
    if not len(day):
        return History(0, 0, _Line(np.empty(0, np.uint64), np.empty(0, np.int64), _NOTHING))
    keys = Keys(day, day, *(category(operations[name]) for name in NAMED))
    counts = np.array([operations[name] for name in COUNTS], np.int64)
    first = int(day.min())
    return History(first, int(day.max()) + 1, _line(_entities(keys).values(), day - first, counts))


def _columns_of(level: _Shrunk, airport: _Shrunk) -> NDArray[np.float32]:
    if level is airport:
        return level.block(np.zeros(1), np.zeros(1))
    return level.block(*airport.of(level.pairs.examples))


_NOTHING = np.zeros((len(COUNTS), 1), np.int64)


def _line(levels: Iterable[Ids], day: Days, counts: NDArray[np.int64]) -> _Line:
    """Sum the counts, shape (4, n), of each entity's days, and run totals along the line of them."""
    # Summed level by level first: most levels have few entities, and few rows are left to be put in one order.
    daily = [_daily(entities, day, counts) for entities in levels]
    entities, place = np.unique(np.concatenate([entity for entity, _, _ in daily]), return_inverse=True)
    line = place * _STRETCH + np.concatenate([day for _, day, _ in daily])
    order = line.argsort()
    totals = np.hstack([sums for _, _, sums in daily])[:, order].cumsum(axis=1)
    return _Line(entities, line[order], np.hstack([_NOTHING, totals]))


def _daily(entities: Ids, day: Days, counts: NDArray[np.int64]) -> tuple[Ids, Days, NDArray[np.int64]]:
    """Sum the counts of each entity's days at one level."""
    pairs = combine(entities, as_ids(day))
    order = pairs.argsort()
    along = pairs[order]
    begins = np.flatnonzero(np.append(True, along[1:] != along[:-1]))
    rows = order[begins]
    return entities[rows], day[rows], np.add.reduceat(counts[:, order], begins, axis=1)


def _entities(keys: Keys) -> dict[str, Ids]:
    """Give each flight the id of its entity at every level, each made from its parent's."""
    network = np.full(len(keys), len(LEVELS), np.uint64)
    airport = combine(network, keys.origin.ids)
    airline = combine(airport, keys.airline.ids)
    # Another base than that of the airlines, whose codes may be an airport's.
    destination = combine(~airport, keys.destination.ids)
    route = combine(airline, keys.destination.ids)
    flight = combine(route, keys.flight_number.ids)
    return dict(zip(_NAMES, (network, airport, airline, destination, route, flight), strict=True))
