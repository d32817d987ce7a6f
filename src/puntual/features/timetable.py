"""How crowded the timetable is around a flight: departures near it, that day, and the gap before it.

A known timetable and a typical week are one kind of thing, read by one function: departures in segments (an
airport's day, an airline's day at an airport) over a number of weeks. A known day is its own single week.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import (
    EVERY,
    Days,
    Ids,
    Keys,
    as_ids,
    category,
    category_of,
    combine,
    order_of,
    places_in,
)
from puntual.features.spec import Feature, Group, Known
from puntual.flights.arrays import Columns, grouped, take

_MEANINGS = (
    ("airport_departures_15", "departures of the airport within 15 minutes, itself included"),
    ("airport_departures_60", "departures of the airport within 60 minutes, itself included"),
    ("airport_departures_day", "departures of the airport that day"),
    ("airport_gap", "minutes since the airport's previous departure that day"),
    ("airline_departures_15", "departures of the airline there within 15 minutes, itself included"),
    ("airline_departures_60", "departures of the airline there within 60 minutes, itself included"),
    ("airline_departures_day", "departures of the airline there that day"),
    ("airline_gap", "minutes since the airline's previous departure there that day"),
)
FEATURES = tuple(Feature(name, Group.CONGESTION, Known.TIMETABLE, meaning) for name, meaning in _MEANINGS)

NEAR, WIDE = 15, 60
TYPICAL_WEEKS = 8
# So few flights are looked for among those of the same minute.
_FEW = 4
# A segment owns a stretch of 4096 on one sorted line; the offset keeps a window from reaching its neighbour.
_STRETCH, _OFFSET = 4096, 1024
# The widest window begins, the nearer one does, the minute itself, and both end: a minute after their last.
_EDGES = np.array([-WIDE, -NEAR, 0, NEAR + 1, WIDE + 1])[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Departures:
    """Scheduled departures on one sorted line, segment after segment."""

    segments: Ids
    line: NDArray[np.int64]
    daily: NDArray[np.float64]
    weeks: int

    def around(self, segment: Ids, minute: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give counts within 15 and 60 minutes, of the day, and the gap before; NaN where nothing is known.

        Shapes: `segment` and `minute` (n,) to (n, 4).
        """
        if not len(self.segments):
            return np.full((len(segment), 4), np.nan)
        place = np.minimum(places_in(self.segments, segment, order_of(segment)), len(self.segments) - 1)
        start = place * _STRETCH
        moment = start + _OFFSET + minute
        reached = self._reached(moment)
        congestion = np.empty((len(segment), 4))
        congestion[:, 0] = (reached[3] - reached[1]) / self.weeks
        congestion[:, 1] = (reached[4] - reached[0]) / self.weeks
        congestion[:, 2] = self.daily[place]
        congestion[:, 3] = self._gap(start, moment, reached[2])
        congestion[self.segments[place] != segment] = np.nan
        return congestion

    def of_the_day(self, segment: Ids) -> NDArray[np.float64]:
        """Count the departures of each segment, shape (n,); 0 where nothing is known."""
        place = np.minimum(places_in(self.segments, segment, order_of(segment)), len(self.segments) - 1)
        return np.where(self.segments[place] == segment, self.daily[place], 0.0)

    def _reached(self, moment: NDArray[np.int64]) -> NDArray[np.intp]:
        """Find where on the line the windows around n moments begin and end, shape (5, n)."""
        edges = moment + _EDGES
        order = order_of(moment)
        if order is None:
            reached: NDArray[np.intp] = self.line.searchsorted(edges)
            return reached
        return np.array([places_in(self.line, edge, order) for edge in edges])

    def _gap(
        self, start: NDArray[np.int64], moment: NDArray[np.int64], before: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        # Over several weeks the line holds each usual departure once a week, so step back that many.
        previous = before - self.weeks
        at = self.line[np.maximum(previous, 0)]
        return np.where((previous >= 0) & (at >= start), moment - at, np.nan)


@dataclass(frozen=True)
class Timetable:
    """The departures of airports and of their airlines, on one line, by day or, in a typical week, by weekday."""

    departures: Departures
    by_weekday: bool

    def congestion(self, keys: Keys) -> NDArray[np.float64]:
        """Give the features of n flights in `FEATURES` order, shape (n, 8)."""
        if not 0 < len(keys) <= _FEW:
            return self._count(keys)
        named = (keys.origin.named(EVERY), keys.airline.named(EVERY))
        return np.array(
            [
                *map(
                    self._of_minute,
                    *named,
                    _segment_days(keys, self.by_weekday).tolist(),
                    keys.minute.tolist(),
                )
            ]
        )

    @cached_property
    def _of_minute(self) -> Callable[[str, str, int, int], tuple[float, ...]]:
        # Nine of ten flights of a year leave at a minute of the week at which their airline has left before.
        return lru_cache(maxsize=8_192)(self._count_minute)

    def _count_minute(self, origin: str, airline: str, day: int, minute: int) -> tuple[float, ...]:
        there, by = category_of([origin]), category_of([airline])
        # Days of a typical week are counted from Monday, three before the first of 1970.
        days = np.array([day - 3 if self.by_weekday else day])
        (congestion,) = self._count(Keys(days, np.array([minute]), there, by, there, there)).tolist()
        return tuple(congestion)

    def _count(self, keys: Keys) -> NDArray[np.float64]:
        both = np.concatenate(segments(keys, self.by_weekday))
        congestion = self.departures.around(both, np.concatenate([keys.minute, keys.minute]))
        return congestion.reshape(2, len(keys), 4).transpose(1, 0, 2).reshape(len(keys), len(FEATURES))

    def departures_of_the_day(self, keys: Keys) -> NDArray[np.float64]:
        """Count the departures of each flight's airport on its day, shape (n,); 0 where nothing is known."""
        if not len(self.departures.segments):
            return np.zeros(len(keys))
        return self.departures.of_the_day(_airport_days(keys, self.by_weekday))


def segments(keys: Keys, by_weekday: bool) -> tuple[Ids, Ids]:
    """Give each flight the segment of its airport's day and of its airline's day there."""
    airport = _airport_days(keys, by_weekday)
    return airport, combine(airport, keys.airline.ids)


def _airport_days(keys: Keys, by_weekday: bool) -> Ids:
    return combine(keys.origin.ids, as_ids(_segment_days(keys, by_weekday)))


def _segment_days(keys: Keys, by_weekday: bool) -> Days:
    # 1 January 1970 was a Thursday, the fourth day of a week that starts on Monday.
    return (keys.day + 3) % 7 if by_weekday else keys.day


def known_timetable(keys: Keys) -> Timetable:
    """Take the flights as the whole timetable of the days that they fall on; those without a date are left out."""
    if keys.unknown is not None:
        keys = keys.take(np.flatnonzero(~keys.unknown.scheduled_departure))
    return Timetable(_departures(segments(keys, by_weekday=False), keys.minute, 1), by_weekday=False)


def usual_departures(keys: Keys) -> Columns:
    """Count the departures of the last eight weeks by origin, airline, weekday and minute: a typical week."""
    last = keys.day.max(initial=0)
    weeks = int(min(TYPICAL_WEEKS, max(1, (last - keys.day.min(initial=last) + 1) // 7)))
    recent = keys.take(np.flatnonzero(keys.day > last - 7 * weeks))
    by = {
        "origin": recent.origin.texts(),
        "airline": recent.airline.texts(),
        "weekday": (recent.day + 3) % 7,
        "minute": recent.minute,
    }
    order, begins = grouped(list(by.values()))
    flights = np.diff(begins, append=len(order))
    return take(by, order[begins]) | {"flights": flights, "weeks": np.full(len(begins), weeks)}


def typical_timetable(usual: Columns) -> Timetable:
    """Build the typical week from `usual_departures`."""
    origin, airline = category(usual["origin"]), category(usual["airline"])
    keys = Keys(usual["weekday"] - 3, usual["minute"], origin, airline, origin, origin)
    keys = keys.take(np.repeat(np.arange(len(keys)), usual["flights"]))
    weeks = int(usual["weeks"][0]) if len(usual["weeks"]) else 1
    return Timetable(_departures(segments(keys, by_weekday=True), keys.minute, weeks), by_weekday=True)


def _departures(segments: tuple[Ids, Ids], minute: NDArray[np.int64], weeks: int) -> Departures:
    distinct_segments, place = np.unique(np.concatenate(segments), return_inverse=True)
    line = np.sort(place * _STRETCH + _OFFSET + np.tile(minute, len(segments)))
    daily = np.bincount(place, minlength=len(distinct_segments)) / weeks
    return Departures(distinct_segments, line, daily, weeks)
