"""How late flights were lately, closed at the end of a day: by airport, airline, destination, route, number.

The late rates and mean delays of an airport are told as they are; those of all that flies from it are told as
the difference from the airport's, so that what sets a flight apart does not move with the season's level.
Counts are whole numbers (flights, late and departed ones, seconds of delay), so a sum is the same to the bit
however it was reached, from a whole year or from the sixty days that a bundle keeps.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.features.keys import (
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
from puntual.features.specification import Feature, Group, Known, on_grid
from puntual.flights import LateRule, bands_of, has_operation

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
_DELAY_CAP_SECONDS = 2 * 60 * 60
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
        told = [
            on_grid(self.rate - rate, _RATE_BITS),
            on_grid(self.delay - delay, _DELAY_BITS),
            self.support.astype(np.float32),
        ]
        return np.stack(told, axis=2).reshape(len(self.rate), -1)[self.pairs.places]


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
    """Past operations, ready to be asked how late flights were in the days before any day.

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
        found: dict[str, _Shrunk] = {}
        for level, parent, strength in LEVELS:
            found[level] = _shrunk(counts[level], pairs[level], found.get(parent or ""), strength)
        return np.hstack([_told(found[level], found["airport"]) for level in _SHOWN])

    def _windows(
        self, entities: dict[str, Ids], pairs: dict[str, _Pairs], day: Days, closed: Days
    ) -> dict[str, NDArray[np.int64]]:
        """Count all levels' distinct pairs together: a look-up costs more than what it looks up."""
        asked = np.concatenate([pairs[level].examples for level in _NAMES])
        entity = np.concatenate([entities[level][pairs[level].examples] for level in _NAMES])
        own = day[asked]
        last = self._reached(np.minimum(own, closed[asked]))
        counts = self.line.sums(entity, self._reached(own - _BACK), last)
        ends = np.cumsum([len(pairs[level].examples) for level in _NAMES])
        return dict(zip(_NAMES, np.split(counts, ends[:-1], axis=1), strict=True))

    def _reached(self, day: Days) -> Days:
        return np.minimum(np.maximum(day, self.first), self.end) - self.first


def operations_of(flights: pl.DataFrame, rule: LateRule) -> pl.DataFrame:
    """Turn flights with operations into rows of counts, each on the day on which it became known.

    A flight that leaves after midnight is known only on the day that it leaves, so that an operation never
    shows in a history that was closed before it happened.
    """
    operated = flights.filter(has_operation(flights))
    seconds = (pl.col("departed") - pl.col("scheduled_departure")).dt.total_seconds()
    return operated.select(
        *NAMED,
        day=pl.max_horizontal(pl.col("scheduled_departure").dt.date(), pl.col("departed").dt.date()),
        flights=pl.lit(1, pl.Int64),
        late=pl.Series(bands_of(operated, rule) > 0).cast(pl.Int64),
        departed=pl.col("departed").is_not_null().cast(pl.Int64),
        delay_seconds=seconds.clip(-_DELAY_CAP_SECONDS, _DELAY_CAP_SECONDS).fill_null(0),
    )


def closing(operations: pl.DataFrame) -> pl.DataFrame:
    """Keep what the longest window can still reach: the counts of the last sixty days, summed by flight."""
    reach = pl.col("day") > pl.col("day").max() - pl.duration(days=max(WINDOWS))
    return operations.filter(reach).group_by(*NAMED, "day").agg(pl.col(COUNTS).sum()).sort(*NAMED, "day")


def build_history(operations: pl.DataFrame) -> History:
    """Sort rows of counts into a history."""
    if operations.is_empty():
        return History(0, 0, _Line(np.empty(0, np.uint64), np.empty(0, np.int64), _NOTHING))
    day = operations["day"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    keys = Keys(day, day, *(category(operations[name]) for name in NAMED))
    first = int(day.min())
    levels = _entities(keys).values()
    counts = operations.select("day", *COUNTS)
    at_each_level = pl.concat([counts.with_columns(entity=pl.Series(entities)) for entities in levels])
    return History(first, int(day.max()) + 1, _line(at_each_level, first))


def _told(level: _Shrunk, airport: _Shrunk) -> NDArray[np.float32]:
    if level is airport:
        return level.block(np.zeros(1), np.zeros(1))
    return level.block(*airport.of(level.pairs.examples))


_NOTHING = np.zeros((len(COUNTS), 1), np.int64)


def _line(operations: pl.DataFrame, first: int) -> _Line:
    """Sum the counts of each entity's days, and run totals along the line of them."""
    daily = operations.group_by("entity", "day").agg(pl.col(COUNTS).sum()).sort("entity", "day")
    entity = daily["entity"].to_numpy()
    begins = np.append(True, entity[1:] != entity[:-1])
    day = daily["day"].cast(pl.Int32).cast(pl.Int64).to_numpy() - first
    totals = daily.select(COUNTS).to_numpy().T.cumsum(axis=1)
    return _Line(entity[begins], (begins.cumsum() - 1) * _STRETCH + day, np.hstack([_NOTHING, totals]))


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
