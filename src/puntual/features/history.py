"""How late flights were lately, closed at the end of a day: by airport, airline, destination, route, number.

The late rates and mean delays of an airport are given as they are; those of all that flies from it are given as
the difference from the airport's, so that what sets a flight apart does not move with the season's level.
Counts are whole numbers (flights, late and departed ones, seconds of delay), so a sum is the same to the bit
however it was reached, from a whole year or from the sixty days that a bundle keeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features import kernel, layout_kernel
from puntual.features.flight_keys import NAMED, Days, Ids, Keys, Numbering, category, index_of, view
from puntual.features.spec import Feature, Group, Known
from puntual.flights.arrays import Columns, grouped, take
from puntual.flights.flight import LateRule, band_of
from puntual.storage import scratch

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
_DAY_SECONDS = 24 * 60 * 60
# Flights of so many days past are still asked about as they were then.
_EARLIER_DAYS = 7
COUNTS = ("flights", "late", "departed", "delay_seconds")


# Flights whose ids are looked at together.
_CHUNK = 1 << 16
_STRENGTHS = tuple(strength for _, _, strength in LEVELS)
_PARENTS = tuple(-1 if parent is None else _NAMES.index(parent) for _, parent, _ in LEVELS)


@dataclass(frozen=True, slots=True)
class History:
    """Past operations, laid out for looking up how late flights were in the days before any day.

    `first` and `end` are the days (since 1970) that it covers, end excluded.
    """

    first: int
    end: int
    operations: kernel.OperationLine

    def features(self, keys: Keys, closed: Days) -> NDArray[np.float64]:
        """Give the features of n flights from operations known before day `closed`, in `FEATURES` order.

        A window is counted back from the day of the flight, so that what is old is missing, never stale.
        Shapes: `closed` (n,) to (n, 60). NaN where the history does not reach into a window.
        """
        rows = np.empty((len(keys), len(FEATURES)))
        self.fill(keys.for_kernel(), closed, 0, rows, 0)
        return rows

    def fill(
        self, flights: kernel.Flights, closed: Days, start: int, rows: NDArray[np.float64], column: int
    ) -> None:
        """Write `features` of the flights from `start` on into rows, from a column on."""
        self.operations.fill(flights, view(closed), start, _room(), view(rows), column)


def _room() -> kernel.Room:
    return kernel.Room(_PARENTS, _STRENGTHS, WINDOWS)


_OF_FLIGHTS = ("scheduled", "delay_seconds", "has_left", "cancelled")


@dataclass(frozen=True, slots=True)
class OperatedFlights:
    """What became of n flights: `named` by `NAMED`, and of shape (n,) their schedules and delays.

    `scheduled` are seconds since 1970 began on the clocks of the origin, `delay_seconds` is 0 where a flight has not
    left. Of arrivals, which are known later than by their delay, `has_left` says which there were, `cancelled` which
    there never were, and `known`, on the clocks of the origin too, since when.
    """

    named: Columns
    scheduled: NDArray[np.int64]
    delay_seconds: NDArray[np.int64]
    has_left: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]
    known: NDArray[np.int64] | None = None

    def take(self, flights: NDArray[np.intp]) -> "OperatedFlights":
        """Keep the flights at these positions."""
        columns = {name: getattr(self, name)[flights] for name in _OF_FLIGHTS}
        known = None if self.known is None else self.known[flights]
        return OperatedFlights(take(self.named, flights), known=known, **columns)

    def counts(self, rule: LateRule) -> Columns:
        """Turn the flights into rows of counts, each on the day on which its operation became known.

        A flight that leaves after midnight is known only on the day that it leaves, so that an operation never
        shows in a history that was closed before it happened.
        """
        known = self.scheduled + np.maximum(self.delay_seconds, 0) if self.known is None else self.known
        bands = band_of(self.delay_seconds / 60, self.cancelled, rule)
        return {
            **self.named,
            "day": known // _DAY_SECONDS,
            "flights": np.ones(len(self.scheduled), np.int64),
            "late": (bands > 0).astype(np.int64),
            "departed": self.has_left.astype(np.int64),
            "delay_seconds": self.delay_seconds.clip(-DELAY_CAP_SECONDS, DELAY_CAP_SECONDS),
        }


def joined(parts: Sequence[OperatedFlights]) -> OperatedFlights:
    """Put flights together, all by their departures or all by their arrivals; those of no part are none."""
    parts = (NOBODY, *parts)
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _OF_FLIGHTS}
    named = {name: np.concatenate([part.named[name] for part in parts]) for name in NAMED}
    known = [part.known for part in parts if part.known is not None]
    return OperatedFlights(named, **columns, known=np.concatenate(known) if known else None)


def closing(operations: Columns, earlier: int = 0) -> Columns:
    """Keep what the longest window can still reach: the counts of the last sixty days, summed by flight.

    That is for flights after the last day; with `earlier` it is for those of so many days before that too.
    """
    day = operations["day"]
    kept = take(operations, day > day.max(initial=0) - max(WINDOWS) - earlier)
    order, begins = grouped([kept[name] for name in (*NAMED, "day")])
    sums = {name: np.add.reduceat(kept[name][order], begins) for name in COUNTS}
    return take({name: kept[name] for name in (*NAMED, "day")}, order[begins]) | sums


def continued(closed: Columns, until: int, later: Columns) -> Columns:
    """Add to the rows of a history those of operations that became known after the day `until`, which it covers."""
    new = take(later, later["day"] > until)
    rows = {name: np.concatenate([closed[name], new[name]]) for name in (*NAMED, "day", *COUNTS)}
    return closing(rows, earlier=_EARLIER_DAYS)


def build_history(
    operations: Columns, named: Keys | None = None, elsewhere: Columns | None = None
) -> History:
    """Sort rows of counts, each with its flight's `NAMED` and the `day` it became known on, into a history.

    `named` are the keys of these flights where somebody has them: to find the distinct texts again takes a while.
    `elsewhere` holds the `day` and `COUNTS` of the network's other operations, where rows are those of some airports.
    """
    outside = _NOTHING_ELSEWHERE if elsewhere is None else elsewhere
    days = np.concatenate([operations["day"], outside["day"]])
    if not len(days):
        return History(0, 0, _NO_OPERATIONS)
    keys = keys_of_rows(operations) if named is None else named
    first, end = int(days.min()), int(days.max()) + 1
    counts = np.empty((len(days), len(COUNTS)), np.int64)
    for place, name in enumerate(COUNTS):
        counts[:, place] = np.concatenate([operations[name], outside[name]])
    return History(first, end, _line(*_entities(keys, len(outside["day"])), days - first, counts, first, end))


def keys_of_rows(operations: Columns) -> Keys:
    """Give the keys of the flights of rows of counts, of which the day is the one that they became known on."""
    day = operations["day"]
    return Keys(day, day, *(category(operations[name]) for name in NAMED))


def _line(
    entities: NDArray[np.int32],
    ids: Ids,
    days: Days,
    counts: NDArray[np.int64],
    first: int,
    end: int,
) -> kernel.OperationLine:
    """Run totals along the line of each entity's days; `entities` are those of each row, by their places in `ids`."""
    order = days.astype(np.min_scalar_type(end - first)).argsort(kind="stable")
    rows = (view(entities), view(days), view(order))
    sizes = np.zeros(len(ids), np.int64)
    layout_kernel.count_days(*rows, view(np.full(len(ids), -1)), view(sizes))
    begins = np.append(0, sizes.cumsum())
    line = np.empty(begins[-1], np.int64)
    totals = np.zeros((len(line) + 1, len(COUNTS)), np.int64)
    layout_kernel.sum_days(
        *rows, view(counts), view(np.full(len(ids), -1)), view(begins[:-1].copy()), view(line), view(totals)
    )
    np.cumsum(totals, axis=0, out=totals)
    first_places, lines, sums = (
        view(scratch.held(numbers, scratch.MOST_IN_MEMORY)) for numbers in (begins, line, totals)
    )
    return kernel.OperationLine(index_of(ids), first_places, lines, sums, first, end)


_NOTHING = np.empty(0, np.int64)
_NOTHING_ELSEWHERE: Columns = dict.fromkeys(("day", *COUNTS), _NOTHING)
NOBODY = OperatedFlights(
    dict.fromkeys(NAMED, np.empty(0, np.str_)),
    _NOTHING,
    _NOTHING,
    _NOTHING.astype(bool),
    _NOTHING.astype(bool),
)
_NO_OPERATIONS = kernel.OperationLine(
    index_of(np.empty(0, np.uint64)),
    view(np.zeros(1, np.int64)),
    view(_NOTHING),
    view(np.zeros((1, 4), np.int64)),
    0,
    0,
)


def _entities(keys: Keys, elsewhere: int) -> tuple[NDArray[np.int32], Ids]:
    """Give the entities of n flights, and of so many rows of the rest of the network, level by level; and their ids.

    Entities are places among the ids, which are sorted; -1 stands where a row is of none.
    """
    numbering = Numbering()
    entities = np.full((len(keys) + elsewhere, len(LEVELS)), -1, np.int32)
    entities[len(keys) :, 0] = numbering.add(np.array([kernel.NETWORK], np.uint64))
    for start in range(0, len(keys), _CHUNK):
        ids = np.empty((min(len(keys) - start, _CHUNK), len(LEVELS)), np.uint64)
        kernel.all_entities(keys.for_kernel(), _room(), start, view(ids))
        entities[start : start + len(ids)] = numbering.add(ids.ravel()).reshape(ids.shape)
    ids_in_order, places = numbering.in_order()
    return places.astype(np.int32)[entities], ids_in_order
