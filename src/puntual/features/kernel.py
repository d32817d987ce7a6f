"""What is worked out flight by flight: ids, look-ups in past operations and timetables, and rows copied by key.

Plain Python, which a build compiles where it can, by the types in `kernel.pxd`; elsewhere the same lines are
interpreted, to the same bits: what may pass 64 bits is masked, and nothing is divided by zero.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

try:
    import cython
except ImportError:
    # Only a compiler needs it.
    cython = SimpleNamespace(nogil=nullcontext())

# A memoryview of numpy's: its own numbers are slower to the interpreter, and warn when they wrap.
Array = Any
Values = tuple[float, ...]
Maker = Callable[[int], Values]

_WHOLE = 0xFFFFFFFFFFFFFFFF
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_NAN = math.nan
# The id of the whole network, as good as any.
_NETWORK = 6
NETWORK = _NETWORK
_NEAR, _WIDE = 15, 60
# What recurs from flight to flight: what the minute decides, the airport's day, or the route with its airline.
_MINUTE, _DAY, _ROUTE = 0, 1, 2
BY_MINUTE, BY_DAY, BY_ROUTE = _MINUTE, _DAY, _ROUTE


def is_compiled() -> bool:
    """Tell whether a compiler has made this module, rather than the interpreter reads it."""
    return not __file__.endswith(".py")


def join(first: int, second: int) -> int:
    """Join two 64-bit ids into one by the finaliser of splitmix64 (Steele et al., 2014)."""
    mixed = (first + _GOLDEN * (second | 1) + second) & _WHOLE
    mixed = ((mixed ^ (mixed >> 30)) * _FIRST) & _WHOLE
    mixed = ((mixed ^ (mixed >> 27)) * _SECOND) & _WHOLE
    return mixed ^ (mixed >> 31)


def join_all(first: Array, second: Array, joined: Array) -> None:
    """Join n ids with n others, flight by flight."""
    with cython.nogil:
        for place in range(joined.shape[0]):
            joined[place] = join(first[place], second[place])


class Names:
    """A text column of n flights: the ids of its values, and the position of each flight's."""

    def __init__(self, ids: Array, positions: Array) -> None:
        self.ids, self.positions = ids, positions

    def of(self, flight: int) -> int:
        """Give the id of a flight's value."""
        number: int = self.ids[self.positions[flight]]
        return number


class Flights:
    """The keys of n flights: day (since 1970) and minute, and who flies what where."""

    def __init__(
        self, day: Array, minute: Array, origin: Names, airline: Names, destination: Names, number: Names
    ) -> None:
        self.day, self.minute = day, minute
        self.origin, self.airline, self.destination, self.number = origin, airline, destination, number
        self.origins, self.airlines = len(self.origin.ids), len(self.airline.ids)
        self.destinations = len(self.destination.ids)

    def segment(self, flight: int, by_weekday: bool) -> int:
        """Give the id of what a flight's departures are counted by: the airport's date, or its weekday from Monday."""
        # 1 January 1970 was a Thursday, the fourth day of a week that starts on Monday.
        day = self.day[flight]
        return join(self.origin.of(flight), (day + 3) % 7 if by_weekday else day & _WHOLE)

    def key(self, flight: int, kind: int) -> int:
        """Give a number that two flights share where all is alike that decides what recurs."""
        number: int = self.minute[flight]
        if kind == _DAY:
            number = self.day[flight] * self.origins + self.origin.positions[flight]
        elif kind == _ROUTE:
            number = self.origin.positions[flight] * self.destinations + self.destination.positions[flight]
            number = number * self.airlines + self.airline.positions[flight]
        return number

    def entities(self, flight: int, room: "Room") -> None:
        """Write the ids of a flight's entities at every level of the history, each made from its parent's."""
        destination = self.destination.of(flight)
        airport = join(_NETWORK, self.origin.of(flight))
        airline = join(airport, self.airline.of(flight))
        route = join(airline, destination)
        room.ids[0], room.ids[1], room.ids[2] = _NETWORK, airport, airline
        # Another base than that of the airlines, whose codes may be an airport's.
        room.ids[3] = join(airport ^ _WHOLE, destination)
        room.ids[4], room.ids[5] = route, join(route, self.number.of(flight))


class Room:
    """Each level's parent, -1 for none, and strength, the windows' days, and room for a flight's own at each level."""

    def __init__(self, parents: Sequence[int], strengths: Sequence[float], days: Sequence[int]) -> None:
        self.parents, self.strengths, self.days = parents, strengths, days
        self.ids = [0] * 6
        self.begins, self.ends, self.lows, self.since = [0] * 6, [0] * 6, [0] * 6, 0
        self.rates, self.delays = [0.0] * 6, [0.0] * 6


def all_entities(flights: Flights, room: Room, start: int, ids: Array) -> None:
    """Write the ids of the entities of the flights from `start` on, shape (n, 6)."""
    with cython.nogil:
        for row in range(ids.shape[0]):
            flights.entities(start + row, room)
            for level in range(6):
                ids[row, level] = room.ids[level]


def first_from(line: Array, value: int, low: int, high: int) -> int:
    """Give the first position from `low` on whose value is not below another, `high` where there is none."""
    while low < high:
        middle = (low + high) >> 1
        if line[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


class Index:
    """Sorted ids, parted by their first bits: as ids lie at random, each of the 2**`bits` holds about one."""

    def __init__(self, ids: Array, begins: Array, bits: int) -> None:
        self.ids, self.begins, self.shift = ids, begins, 64 - bits

    def place(self, number: int) -> int:
        """Give the position of an id, -1 where it is not among them."""
        part = number >> self.shift
        place, end = self.begins[part], self.begins[part + 1]
        while place < end and self.ids[place] < number:
            place += 1
        return place if place < end and self.ids[place] == number else -1


class OperationLine:
    """Running totals of past operations on one line, entity after entity and day after day.

    `begins` says where each entity's rows begin, and where the last one's end; `days` count from `first`; `totals`,
    shape (n + 1, 4), are the flights, late and departed ones and seconds of delay before each row. `first` and `end`
    are the first day (since 1970) that the line covers, and the first after it.
    """

    def __init__(self, index: Index, begins: Array, days: Array, totals: Array, first: int, end: int) -> None:
        self.index, self.begins, self.days = index, begins, days
        self.totals, self.first, self.end = totals, first, end

    def fill(self, flights: Flights, closed: Array, start: int, room: Room, rows: Array, column: int) -> None:
        """Write the features of the flights from `start` on into rows, from a column on.

        Only what is known before day `closed`, flight by flight, counts.
        """
        with cython.nogil:
            for row in range(rows.shape[0]):
                flight = start + row
                flights.entities(flight, room)
                day = flights.day[flight]
                end = self.reached(min(day, closed[flight]))
                for level in range(6):
                    self.find(room, level, end)
                room.since = end
                for window in range(4):
                    begin = min(self.reached(day - room.days[window]), end)
                    self.window(room, begin, rows, row, column + 3 * window)
                    room.since = begin

    def reached(self, day: int) -> int:
        """Count a day from the first that is covered, keeping within what is."""
        return min(max(day, self.first), self.end) - self.first

    def find(self, room: Room, level: int, end: int) -> None:
        """Note where the rows of a level's entity begin, and where those that are before a day end.

        An entity has one row for a day, so that its days bound how many lie before and after.
        """
        room.begins[level] = room.ends[level] = room.lows[level] = 0
        place = self.index.place(room.ids[level])
        if place >= 0:
            begin, after = self.begins[place], self.begins[place + 1]
            low = max(begin, after - max(self.days[after - 1] + 1 - end, 0))
            high = min(after, begin + max(end - self.days[begin], 0))
            room.begins[level] = begin
            room.ends[level] = room.lows[level] = first_from(self.days, end, low, high)

    def low(self, room: Room, level: int, day: int) -> int:
        """Give the first row of a level's entity from a day on, which is not after the one asked about before."""
        high = room.lows[level]
        low = max(room.begins[level], high - (room.since - day))
        if low < high and self.days[low] < day:
            low = first_from(self.days, day, low + 1, high)
        room.lows[level] = low
        return low

    def window(self, room: Room, begin: int, rows: Array, row: int, column: int) -> None:
        """Write late rate, mean delay and flights since a day, of each level but the network, beside the airport's.

        NaN where nothing flew at all: no rate is known then, and a count of 0 would claim that the history goes back.
        """
        for level in range(6):
            high, low = room.ends[level], self.low(room, level, begin)
            operated = float(self.totals[high, 0] - self.totals[low, 0])
            rate = float(self.totals[high, 1] - self.totals[low, 1])
            departed = float(self.totals[high, 2] - self.totals[low, 2])
            delay = float(self.totals[high, 3] - self.totals[low, 3]) / 60.0
            parent, strength = room.parents[level], room.strengths[level]
            if parent >= 0:
                rate, delay = rate + strength * room.rates[parent], delay + strength * room.delays[parent]
            rate = rate / (operated + strength) if operated + strength else _NAN
            delay = delay / (departed + strength) if departed + strength else _NAN
            room.rates[level], room.delays[level] = rate, delay
            if level > 1:
                rate, delay = rate - room.rates[1], delay - room.delays[1]
            if level > 0:
                place = column + (level - 1) * 12
                rows[row, place], rows[row, place + 1] = rate, delay
                rows[row, place + 2] = operated if rate == rate else _NAN


class DepartureLine:
    """Scheduled departures, minute by minute, of an airport's day and of an airline's day there: a segment each.

    `begins` says where each segment's minutes begin, and where the last one's end; `daily` counts a segment's
    departures of one day, of which the line holds as many as `weeks`; `by_weekday` where the days are those of a week.
    """

    def __init__(
        self, index: Index, begins: Array, line: Array, daily: Array, weeks: int, by_weekday: bool
    ) -> None:
        self.index, self.begins, self.line, self.daily = index, begins, line, daily
        self.weeks, self.by_weekday = weeks, by_weekday

    def count_days(self, flights: Flights, daily: Array) -> None:
        """Write the departures of each flight's airport on its day; 0 where nothing is known."""
        with cython.nogil:
            for flight in range(daily.shape[0]):
                place = self.index.place(flights.segment(flight, self.by_weekday))
                daily[flight] = self.daily[place] if place >= 0 else 0.0

    def fill(self, flights: Flights, flight: int, rows: Array, row: int, column: int) -> None:
        """Write how crowded it is around a flight at its airport, and among its airline's departures there."""
        airport = flights.segment(flight, self.by_weekday)
        self.around(airport, flights.minute[flight], rows, row, column)
        self.around(join(airport, flights.airline.of(flight)), flights.minute[flight], rows, row, column + 4)

    def around(self, segment: int, minute: int, rows: Array, row: int, column: int) -> None:
        """Write the departures of a segment within 15 and 60 minutes and of the day, and the gap before."""
        place = self.index.place(segment)
        if place < 0:
            rows[row, column] = rows[row, column + 1] = rows[row, column + 2] = rows[row, column + 3] = _NAN
            return
        begin, end = self.begins[place], self.begins[place + 1]
        wide = first_from(self.line, minute - _WIDE, begin, end)
        near = first_from(self.line, minute - _NEAR, wide, end)
        # Over several weeks the line holds each usual departure once a week, so step back that many.
        previous = first_from(self.line, minute, near, end)
        after_near = first_from(self.line, minute + _NEAR + 1, previous, end)
        after_wide = first_from(self.line, minute + _WIDE + 1, after_near, end)
        previous -= self.weeks
        rows[row, column] = float(after_near - near) / float(self.weeks)
        rows[row, column + 1] = float(after_wide - wide) / float(self.weeks)
        rows[row, column + 2] = self.daily[place]
        rows[row, column + 3] = float(minute - self.line[previous]) if previous >= begin else _NAN


def all_segments(flights: Flights, by_weekday: bool, ids: Array) -> None:
    """Write the segments of n flights' airports and of their airlines there, shape (2, n)."""
    with cython.nogil:
        for flight in range(ids.shape[1]):
            ids[0, flight] = flights.segment(flight, by_weekday)
            ids[1, flight] = join(ids[0, flight], flights.airline.of(flight))


def fill_congestion(
    flights: Flights,
    known: DepartureLine,
    usual: DepartureLine,
    is_known: Array,
    start: int,
    rows: Array,
    column: int,
) -> None:
    """Write how crowded it is around the flights from `start` on, from the known timetable where it is known."""
    with cython.nogil:
        for row in range(rows.shape[0]):
            if is_known[start + row]:
                known.fill(flights, start + row, rows, row, column)
            else:
                usual.fill(flights, start + row, rows, row, column)


def fill_recurring(
    flights: Flights, kind: int, make: Maker, made: dict[int, Values], start: int, rows: Array, column: int
) -> None:
    """Write what recurs from flight to flight, making it once for each key; `made` keeps it by that."""
    for row in range(len(rows)):
        flight = start + row
        key = flights.key(flight, kind)
        values = made.get(key)
        if values is None:
            values = made[key] = make(flight)
        for place in range(len(values)):
            rows[row, column + place] = values[place]


def all_keys(flights: Flights, kind: int, keys: Array) -> None:
    """Write the numbers that say what recurs of n flights."""
    with cython.nogil:
        for flight in range(keys.shape[0]):
            keys[flight] = flights.key(flight, kind) & _WHOLE


def copy_rows(values: Array, places: Array, start: int, rows: Array, column: int) -> None:
    """Write to the flights from `start` on, from a column on, the row of values that each has its place at."""
    with cython.nogil:
        for row in range(rows.shape[0]):
            for place in range(values.shape[1]):
                rows[row, column + place] = values[places[start + row], place]


def states_of(matrix: Array, sentinels: Sequence[int], places: Array) -> int:
    """Write the first state of knowledge that each row of vectors reaches: whose sentinel column, unless -1, it has.

    Return the state that all rows share, -1 where they do not; of no rows, the first.
    """
    common = 0
    for row in range(len(places)):
        for place in range(len(sentinels)):
            column = sentinels[place]
            if column < 0 or matrix[row, column] == matrix[row, column]:
                break
        places[row] = place
        common = place if row == 0 or place == common else -1
    return common
