"""How late flights were lately, closed at the end of a day: by airport, airline, destination, route, number.

The late rates and mean delays of an airport are given as they are; those of all that flies from it are given as
the difference from the airport's, so that what sets a flight apart does not move with the season's level.
Counts are whole numbers (flights, late and departed ones, seconds of delay), so a sum is the same to the bit
however it was reached, from a whole year or from the sixty days that a bundle keeps.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import (
    EVERY,
    FEW_TO_JOIN,
    NAMED,
    Category,
    Days,
    Ids,
    Keys,
    Places,
    as_ids,
    category,
    combine,
    distinct,
    order_of,
    places_in,
)
from puntual.features.spec import Feature, Group, Known
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
        bits,
    )
    for level in _SHOWN
    for window in WINDOWS
    for what, meaning, bits in (
        ("late_rate", "late rate", 12),
        ("delay", "mean delay", 6),
        ("support", "flights", 0),
    )
)
# A departure three hours behind says no more about tomorrow than one two hours behind.
DELAY_CAP_SECONDS = 2 * 60 * 60
COUNTS = ("flights", "late", "departed", "delay_seconds")


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
        begins = start + np.minimum(first, end)
        if order is None:
            low = self.line.searchsorted(begins)
        else:
            low = np.array([places_in(self.line, begin, order) for begin in begins])
        counts = self.totals[:, high][:, :, np.newaxis] - self.totals[:, low.T]
        counts[:, self.entities[place] != entity] = 0
        return counts


# Days that one entity may span on the line: over 2,800 years.
_STRETCH = 1 << 20
_BACK = np.array(WINDOWS)[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The distinct (entity, day) pairs of one level: an example of each, and where each flight finds its own."""

    examples: Places
    places: Places

    def of(self, other: "_Pairs") -> Places:
        """Give the places here of another level's pairs."""
        return other.examples if isinstance(self.places, slice) else self.places[other.examples]


@dataclass(frozen=True, slots=True)
class History:
    """Past operations, laid out for looking up how late flights were in the days before any day.

    `first` and `end` are the days (since 1970) that it covers, end excluded.
    """

    first: int
    end: int
    line: _Line

    def features(self, keys: Keys, closed: Days) -> NDArray[np.float64]:
        """Give the features of n flights from operations known before day `closed`, in `FEATURES` order.

        A window is counted back from the day of the flight, so that what is old is missing, never stale.
        Shapes: `closed` (n,) to (n, 60). NaN where the history does not reach into a window.
        """
        return np.hstack([rows[places] for rows, places in self.blocks(keys, closed)])

    def blocks(self, keys: Keys, closed: Days) -> list[tuple[NDArray[np.float64], Places]]:
        """Give `features` level by level: the distinct rows of each, shape (pairs, 12), and each flight's place."""
        entities = _entities(keys)
        day, known = as_ids(keys.day), as_ids(closed)
        pairs = {level: _Pairs(*distinct(entities[level], day, known)) for level in _NAMES}
        counts, begins = self._windows(entities, pairs, keys.day, closed)
        means = _shrunk(counts, begins, pairs)
        support = np.where(np.isnan(means[0]), np.nan, counts[0])
        _less_the_airports(means, begins, pairs)
        shown = np.empty((*support.shape, 3))
        shown[:, :, 0], shown[:, :, 1], shown[:, :, 2] = *means, support
        rows = shown.reshape(len(support), -1)
        return [(rows[begins[level]], pairs[level].places) for level in _SHOWN]

    def _windows(
        self, entities: dict[str, Ids], pairs: dict[str, _Pairs], day: Days, closed: Days
    ) -> tuple[NDArray[np.int64], dict[str, slice]]:
        """Count all levels' distinct pairs together, and say where each level's are.

        A look-up costs more than what it looks up.
        """
        levels = [(entities[level], pairs[level].examples) for level in _NAMES]
        entity = np.concatenate([entity[examples] for entity, examples in levels])
        own = np.concatenate([day[examples] for _, examples in levels])
        until = np.concatenate([closed[examples] for _, examples in levels])
        counts = self.line.sums(entity, self._reached(own - _BACK), self._reached(np.minimum(own, until)))
        ends = list(accumulate(len(entity[examples]) for entity, examples in levels))
        begins = (slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False))
        return counts, dict(zip(_NAMES, begins, strict=True))

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


def _shrunk(
    counts: NDArray[np.int64], where: dict[str, slice], pairs: dict[str, _Pairs]
) -> NDArray[np.float64]:
    """Give late rate and mean delay in minutes of all levels' pairs, each leaning on its parent's, shape (2, pairs, 4).

    NaN where nothing flew at all: no rate is known then, and a count of 0 would claim that the history reaches there.
    """
    means, flights = np.array([counts[1], counts[3] / 60]), counts[::2].astype(np.float64)
    with np.errstate(invalid="ignore"):
        for level, parent, strength in LEVELS:
            own, weight = means[:, where[level]], flights[:, where[level]]
            if parent:
                own += strength * means[:, where[parent]][:, pairs[parent].of(pairs[level])]
                weight += strength
            own /= weight
    return means


def _less_the_airports(means: NDArray[np.float64], where: dict[str, slice], pairs: dict[str, _Pairs]) -> None:
    """Take the airport's means from those of all that flies from it."""
    airport = means[:, where["airport"]].copy()
    for level in _SHOWN:
        if level != "airport":
            means[:, where[level]] -= airport[:, pairs["airport"].of(pairs[level])]


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
    """Give each flight the id of its entity at every level."""
    named = (keys.origin, keys.airline, keys.destination, keys.flight_number)
    if len(keys) > FEW_TO_JOIN:
        return dict(zip(_NAMES, _joined(*(category.ids for category in named)), strict=True))
    ids = [*map(_entities_of, *(category.named(EVERY) for category in named))]
    return dict(zip(_NAMES, np.array(ids, np.uint64).reshape(-1, len(_NAMES)).T, strict=True))


# The same numbers fly day after day.
@lru_cache(maxsize=8_192)
def _entities_of(*names: str) -> tuple[int, ...]:
    ids = (Category((name,), np.zeros(1, np.intp)).ids for name in names)
    return tuple(int(level[0]) for level in _joined(*ids))


def _joined(origin: Ids, airline: Ids, destination: Ids, flight_number: Ids) -> tuple[Ids, ...]:
    """Give n flights the ids of their entities level by level, each made from its parent's."""
    network = np.full(len(origin), len(LEVELS), np.uint64)
    airport = combine(network, origin)
    of_airline = combine(airport, airline)
    # Another base than that of the airlines, whose codes may be an airport's.
    to_destination = combine(~airport, destination)
    route = combine(of_airline, destination)
    return network, airport, of_airline, to_destination, route, combine(route, flight_number)
