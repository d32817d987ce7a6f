"""How crowded the timetable is around a flight: departures near it, that day, and the gap before it.

A known timetable and a typical week are one kind of thing, read by one function: departures in segments (an
airport's day, an airline's day at an airport) over a number of weeks. A known day is its own single week.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features import kernel
from puntual.features.flight_keys import Keys, Numbering, category, index_of, view
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

TYPICAL_WEEKS = 8
# A segment owns a stretch of 4096 minutes on one sorted line.
_STRETCH = 4096


@dataclass(frozen=True, slots=True)
class Timetable:
    """The departures of airports and of their airlines, on one line, by day or, in a typical week, by weekday."""

    departures: kernel.DepartureLine

    def congestion(self, keys: Keys) -> NDArray[np.float64]:
        """Give the features of n flights in `FEATURES` order, shape (n, 8); NaN where nothing is known."""
        rows = np.empty((len(keys), len(FEATURES)))
        fill_congestion(keys.for_kernel(), self, self, np.ones(len(keys), bool), 0, rows, 0)
        return rows

    def departures_of_the_day(self, keys: Keys) -> NDArray[np.float64]:
        """Count the departures of each flight's airport on its day, shape (n,); 0 where nothing is known."""
        daily = np.zeros(len(keys))
        self.departures.count_days(keys.for_kernel(), view(daily))
        return daily


def fill_congestion(
    flights: kernel.Flights,
    known: Timetable,
    typical: Timetable,
    is_known: NDArray[np.bool_],
    start: int,
    rows: NDArray[np.float64],
    column: int,
) -> None:
    """Write the features of the flights from `start` on into rows, from the known timetable where it is known."""
    which = view(is_known.view(np.uint8))
    kernel.fill_congestion(flights, known.departures, typical.departures, which, start, view(rows), column)


def known_timetable(keys: Keys) -> Timetable:
    """Take the flights as the whole timetable of the days that they fall on; those without a date are left out."""
    if keys.unknown is not None:
        keys = keys.take(np.flatnonzero(~keys.unknown.scheduled_departure))
    return _departures(keys, 1, by_weekday=False)


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
    weeks = int(usual["weeks"][0]) if len(usual["weeks"]) else 1
    return _departures(keys, weeks, by_weekday=True, flights=usual["flights"])


def _departures(
    keys: Keys, weeks: int, *, by_weekday: bool, flights: NDArray[np.int64] | None = None
) -> Timetable:
    """Lay out departures, each of one flight or of as many as `flights` says."""
    ids = np.empty((2, len(keys)), np.uint64)
    kernel.all_segments(keys.for_kernel(), by_weekday, view(ids))
    numbering = Numbering()
    numbers = numbering.add(ids.ravel())
    distinct_segments, places = numbering.in_order()
    place = places[numbers]
    moment, counts = place * _STRETCH + np.tile(keys.minute, 2), None
    if flights is None:
        line = np.sort(moment)
    else:
        order, counts = moment.argsort(), np.tile(flights, 2)
        line = np.repeat(moment[order], counts[order])
    begins = line.searchsorted(np.arange(len(distinct_segments) + 1) * _STRETCH)
    daily = np.bincount(place, counts, minlength=len(distinct_segments)) / weeks
    columns = (view(begins), view(line % _STRETCH), view(daily))
    return Timetable(kernel.DepartureLine(index_of(distinct_segments), *columns, weeks, by_weekday))
