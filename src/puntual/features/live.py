"""What an airport looks like at a minute: departures of late, flights overdue, cancelled and still ahead.

At four levels: the network, the airport, the airline there and the flights from there to the destination. Every count
is of what was known at the cut-off, and the flight itself is in none of them.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Ids, Keys
from puntual.features.history import DELAY_CAP_SECONDS
from puntual.features.moments import LEVELS, MINUTES_A_DAY, NETWORK, CutOffs, entities_of, line_of
from puntual.features.spec import Feature, Group, Known
from puntual.flights.operations import NEVER, Minutes, Operations

HOURS = (1, 3)
# A flight is overdue for so long; after that it is no longer news, or was cancelled without a word.
OVERDUE_FOR = 3 * 60
LATE_AFTER = 15
_NOUN = {
    "network": "all airports of the table",
    "airport": "the airport",
    "airline": "the airline there",
    "destination": "flights to the destination",
}
_GROUP = {
    "network": Group.AIRPORT_NOW,
    "airport": Group.AIRPORT_NOW,
    "airline": Group.AIRLINE_NOW,
    "destination": Group.AIRPORT_NOW,
}
_WINDOWS = (*(f"{hours}h" for hours in HOURS), "today")
_MEANINGS = (
    *(
        (f"{what}_{window}", f"{meaning} of the {'operating day' if window == 'today' else window}", bits)
        for window in _WINDOWS
        for what, meaning, bits in (
            ("departed", "departures", 0),
            ("delay", "mean delay of departures", 4),
            ("late", "late share of departures", 10),
        )
    ),
    ("overdue", "flights overdue", 0),
    ("overdue_minutes", "minutes that flights are overdue, in all", 0),
    ("overdue_late", "flights overdue by 15 minutes or more", 0),
    ("cancelled", "share of the operating day's flights known to be cancelled", 10),
    ("ahead", "departures still ahead in the operating day", 0),
)
FEATURES = tuple(
    Feature(f"now_{level}_{name}", _GROUP[level], Known.LIVE, f"{meaning}: {_NOUN[level]}", bits)
    for level in LEVELS
    for name, meaning, bits in _MEANINGS
)


class Line(Protocol):
    """Whole numbers on a line by entity and minute: a table's, or a board's that grows."""

    def until(self, entity: Ids, minute: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities up to a minute, which is included; shape (n, counts)."""

    def between(self, entity: Ids, after: Minutes, until: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities after one minute and up to another, shape (n, counts)."""


class Points(NamedTuple):
    """What flights put on a line: of which flight each point is, its minute, and its counts, shape (points, counts)."""

    flight: NDArray[np.intp]
    minute: Minutes
    counts: NDArray[np.int64]


class Lines(NamedTuple):
    """The lines of all levels: gone flights, the timetable, flights while overdue, and while gone before their time."""

    gone: Line
    planned: Line
    overdue: Line
    early: Line


# How many counts the points of each of these lines carry.
LINE_WIDTHS = (4, 1, 3, 1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The operations of some airports, laid out for looking up what was known of them at any minute."""

    lines: Lines

    def features(self, moments: CutOffs) -> NDArray[np.float64]:
        """Give what is known at n cut-offs in `FEATURES` order, shape (n, features); NaN where nothing is."""
        flights = len(moments)
        # All levels at once, one below the other: for one flight, calls take longer than what they do.
        ids = np.concatenate([*entities_of(moments.keys).values()])
        moments = moments.tiled(len(LEVELS))
        day_begin = moments.day_begin
        departed, cancelled = _departures(self.lines.gone, ids, moments.cut_off, day_begin)
        values = np.hstack(
            [
                departed,
                _overdue(self.lines.overdue, ids, moments),
                cancelled,
                _ahead(self.lines, ids, moments, day_begin + MINUTES_A_DAY),
            ]
        )
        by_level = values.reshape(len(LEVELS), flights, len(_MEANINGS))
        return by_level.swapaxes(0, 1).reshape(flights, len(FEATURES))


def traffic_of(keys: Keys, operations: Operations, network: Lines | None = None) -> Traffic:
    """Lay operations out for all levels; `network` are the lines of all airports where these are of some."""
    whole, *parts = entities_of(keys).values()
    levels = [whole, *parts] if network is None else parts
    lines = [
        line_of(
            np.concatenate([ids[on.flight] for ids in levels]),
            np.tile(on.minute, len(levels)),
            np.tile(on.counts, (len(levels), 1)),
        )
        for on in points_of(operations)
    ]
    return Traffic(Lines(*(lines if network is None else map(WithinNetwork, lines, network))))


@dataclass(frozen=True, slots=True)
class WithinNetwork:
    """The line of some airports, and that of the whole network."""

    own: Line
    network: Line

    def until(self, entity: Ids, minute: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities up to a minute, which is included; shape (n, counts)."""
        return self.between(entity, np.zeros_like(minute) - 1, minute)

    def between(self, entity: Ids, after: Minutes, until: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities after one minute and up to another, shape (n, counts)."""
        sums = self.own.between(entity, after, until)
        whole = np.flatnonzero(entity == NETWORK)
        sums[whole] = self.network.between(entity[whole], after[whole], until[whole])
        return sums


class LinePoints(NamedTuple):
    """The points of flights, line by line as `Lines` has them."""

    gone: Points
    planned: Points
    overdue: Points
    early: Points


def points_of(operations: Operations) -> LinePoints:
    """Say what n flights put on the lines of each of their levels; a point at `NEVER` is none."""
    gone, scheduled = operations.gone_known, operations.scheduled
    every, one = np.arange(len(gone)), np.ones((len(gone), 1), np.int64)
    early = np.flatnonzero(gone < scheduled)
    return LinePoints(
        Points(every, gone, outcomes_of(operations)),
        Points(every, scheduled, one),
        _while_overdue(np.flatnonzero(gone > scheduled), scheduled, gone),
        _while(early, gone[early], scheduled[early], one[early]),
    )


def outcomes_of(operations: Operations) -> NDArray[np.int64]:
    """Give what counts of flights once they are gone: departures, late ones, seconds of delay, cancellations."""
    capped = np.clip(operations.delay_seconds, -DELAY_CAP_SECONDS, DELAY_CAP_SECONDS)
    has_left = (operations.left_known <= operations.cancelled_known) & (operations.left_known < NEVER)
    cancelled = operations.cancelled_known < operations.left_known
    counts = [has_left, has_left & operations.late, np.where(has_left, capped, 0), cancelled]
    return np.column_stack(counts).astype(np.int64)


def _while(flight: NDArray[np.intp], begin: Minutes, end: Minutes, counts: NDArray[np.int64]) -> Points:
    """Count what begins at one minute and ends at another."""
    return Points(np.tile(flight, 2), np.concatenate([begin, end]), np.concatenate([counts, -counts]))


def _while_overdue(due: NDArray[np.intp], scheduled: Minutes, gone: Minutes) -> Points:
    """Count flights, their schedules, and those that are late already, while they are overdue."""
    begin = scheduled[due]
    end = np.minimum(gone[due], begin + OVERDUE_FOR)
    one, none = np.ones_like(begin), np.zeros_like(begin)
    late = np.flatnonzero(end > begin + LATE_AFTER)
    counts = np.concatenate(
        [
            np.column_stack([one, begin, none]),
            np.column_stack([none[late], none[late], one[late]]),
        ]
    )
    begins = np.concatenate([begin, begin[late] + LATE_AFTER])
    return _while(np.concatenate([due, due[late]]), begins, np.concatenate([end, end[late]]), counts)


def _departures(
    line: Line, ids: NDArray[np.uint64], cut_off: Minutes, day_begin: Minutes
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give departures, their mean delay in minutes and late share, window by window, shape (n, 9).

    And, shape (n, 1), the share of the operating day's flights that are known to be cancelled.
    """
    # Since ever, until each window begins and until now: a window's counts are what lies between.
    until_now = line.until(ids, cut_off)
    windows = [
        until_now - line.until(ids, begin)
        for begin in (*(cut_off - 60 * hours for hours in HOURS), day_begin)
    ]
    gone = windows[-1][:, 0] + windows[-1][:, 3]
    cancelled = windows[-1][:, 3] / np.where(gone > 0, gone, np.nan)
    return np.hstack([*map(_summary, windows)]), cancelled[:, np.newaxis]


def _summary(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    departed, late, seconds = (counts[:, place] for place in range(3))
    some = np.where(departed > 0, departed, np.nan)
    return np.column_stack([departed, seconds / some / 60, late / some])


def _overdue(line: Line, ids: NDArray[np.uint64], moments: CutOffs) -> NDArray[np.float64]:
    """Give flights overdue, their minutes, and those late already; without the flight itself, shape (n, 3)."""
    counts = line.until(ids, moments.cut_off)
    behind = moments.cut_off - moments.scheduled
    own = (behind >= 0) & (behind < OVERDUE_FOR) & moments.listed
    flights = counts[:, 0] - own
    minutes = moments.cut_off * counts[:, 0] - counts[:, 1] - np.where(own, behind, 0)
    late = counts[:, 2] - (own & (behind >= LATE_AFTER))
    values = np.column_stack([flights, minutes, late]).astype(np.float64)
    values[~moments.listed] = np.nan
    return values


def _ahead(lines: Lines, ids: NDArray[np.uint64], moments: CutOffs, day_end: Minutes) -> NDArray[np.float64]:
    """Give the departures after the cut-off until the operating day ends, without those that have left already."""
    cut_off, scheduled = moments.cut_off, moments.scheduled
    ahead = lines.planned.between(ids, cut_off, day_end)[:, 0] - lines.early.until(ids, cut_off)[:, 0]
    own = (scheduled > cut_off) & (scheduled <= day_end)
    return np.where(moments.listed, ahead - own, np.nan)[:, np.newaxis]
