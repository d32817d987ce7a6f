"""The small keys that features are functions of."""

import hashlib
from array import array
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BadValueError
from puntual.features import kernel, layout_kernel
from puntual.flights import airports
from puntual.flights.flight import EARLIEST, LATEST, Flight
from puntual.flights.flight_number import clean_flight_number

NAMED = ("origin", "airline", "destination", "flight_number")
# What need not be known of a flight, in the order in which it is reported missing.
UNKNOWABLE = ("airline", "flight_number", "destination", "scheduled_departure")
EPOCH = datetime(1970, 1, 1)
Ids = NDArray[np.uint64]
Days = NDArray[np.int64]
# Which of some rows: their positions, or a slice of everything where each is its own.
Places = NDArray[np.intp] | slice
EVERY = slice(None)
# So few are looked up one by one sooner than found to be alike.
FEW = 64
# Room for so many distinct ids to begin with, as a power of two; it doubles when it is taken.
_ROOM_BITS = 10
# So many texts are told apart sooner as numbers.
_MANY = 4_096


@dataclass(frozen=True)
class Category:
    """A text column as values, distinct but where there are few, and for each of n flights the position of its own."""

    values: tuple[str, ...]
    positions: NDArray[np.intp]
    _numbers: "array[int] | None" = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def numbers(self) -> "array[int]":
        """The stable 64-bit numbers of the values, which are worked out once."""
        if self._numbers is None:
            object.__setattr__(self, "_numbers", array("Q", map(_number, self.values)))
        return cast("array[int]", self._numbers)

    def names(self) -> kernel.Names:
        """Give the numbers of the values, and the positions, to the kernel."""
        return kernel.Names(self.numbers, view(self.positions))

    @property
    def ids(self) -> Ids:
        """Give each flight the number of its value, shape (n,)."""
        return np.frombuffer(self.numbers, np.uint64)[self.positions]

    def take(self, flights: NDArray[np.intp]) -> "Category":
        """Keep the flights at these positions."""
        return Category(self.values, self.positions[flights], self.numbers)

    def value_of(self, flight: int) -> str:
        """Give one flight's value."""
        return self.values[self.positions.item(flight)]

    def named(self, flights: Places) -> list[str]:
        """Give the values of the flights at these positions."""
        return [self.values[place] for place in self.positions[flights].tolist()]

    def texts(self) -> NDArray[np.str_]:
        """Give each flight's value, shape (n,)."""
        return np.array(self.values, np.str_)[self.positions]


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is not known of n flights, and what little is known in its place; each of shape (n,).

    `month` is 1 to 12 where a flight without a date has at least that, 0 elsewhere; `international` is 1 or 0 where
    one without a destination is at least known to cross a border or not, NaN elsewhere.
    """

    airline: NDArray[np.bool_]
    flight_number: NDArray[np.bool_]
    destination: NDArray[np.bool_]
    scheduled_departure: NDArray[np.bool_]
    month: NDArray[np.int64] = field(kw_only=True)
    international: NDArray[np.float64] = field(kw_only=True)

    def take(self, flights: NDArray[np.intp]) -> "Unknown":
        """Keep the flights at these positions."""
        kept = (getattr(self, name)[flights] for name in UNKNOWABLE)
        return Unknown(*kept, month=self.month[flights], international=self.international[flights])

    def with_unknown(self, fields: Container[str]) -> "Unknown":
        """Take some fields as unknown of every flight."""
        masks = (
            np.ones_like(getattr(self, name)) if name in fields else getattr(self, name)
            for name in UNKNOWABLE
        )
        return Unknown(*masks, month=self.month, international=self.international)


def nothing_unknown(flights: int) -> Unknown:
    """Say of n flights that everything is known."""
    masks = (np.zeros(flights, bool) for _ in UNKNOWABLE)
    return Unknown(*masks, month=np.zeros(flights, np.int64), international=np.full(flights, np.nan))


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of n flights: local day (days since 1970) and minute, and who flies what where.

    Where `unknown` says that one of them is not known, some value stands in its place, of which no feature is made.
    """

    day: Days
    minute: NDArray[np.int64]
    origin: Category
    airline: Category
    destination: Category
    flight_number: Category
    unknown: Unknown | None = field(default=None, kw_only=True)
    _flights: kernel.Flights | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.day)

    def for_kernel(self) -> kernel.Flights:
        """Give the keys to the kernel, which takes them once."""
        if self._flights is None:
            named = (
                self.origin.names(),
                self.airline.names(),
                self.destination.names(),
                self.flight_number.names(),
            )
            object.__setattr__(self, "_flights", kernel.Flights(view(self.day), view(self.minute), *named))
        return cast("kernel.Flights", self._flights)

    def alike_together(self) -> NDArray[np.intp] | None:
        """Give the positions of the flights, those of one airport, airline, destination and number one after another.

        Those of one number stay in order. None for so few that it does not pay.
        """
        if len(self) <= FEW:
            return None
        numbers = np.zeros(len(self), np.int64)
        for category in (self.origin, self.airline, self.destination, self.flight_number):
            numbers = numbers * len(category.values) + category.positions
        bits = len(self).bit_length()
        if not 0 <= int(numbers.max()) < 1 << 63 - bits:
            return numbers.argsort(kind="stable")
        # Sorted with their positions, numbers are in order in a third of the time.
        together = numbers << bits | np.arange(len(self))
        together.sort()
        return together & ((1 << bits) - 1)

    def take(self, flights: NDArray[np.intp]) -> "Keys":
        """Keep the flights at these positions."""
        kept = (getattr(self, name).take(flights) for name in NAMED)
        unknown = None if self.unknown is None else self.unknown.take(flights)
        return Keys(self.day[flights], self.minute[flights], *kept, unknown=unknown)

    def without(self, fields: Collection[str]) -> "Keys":
        """Take some of `UNKNOWABLE`, or none, as unknown of every flight."""
        if not fields:
            return self
        unknown = nothing_unknown(len(self)) if self.unknown is None else self.unknown
        return replace(self, unknown=unknown.with_unknown(fields))

    def absent(self) -> tuple[str, ...]:
        """Name the fields that are known of no flight."""
        return (
            ()
            if self.unknown is None
            else tuple(name for name in UNKNOWABLE if getattr(self.unknown, name).all())
        )

    def known_of(self, field: str) -> Category:
        """Give a field's values of those flights of which it is known."""
        values: Category = getattr(self, field)
        if self.unknown is None or field not in UNKNOWABLE:
            return values
        return values.take(np.flatnonzero(~getattr(self.unknown, field)))


def category_of(texts: Sequence[str]) -> Category:
    """Take the values of flights as they are where there are few, and the distinct ones of many."""
    if len(texts) <= FEW:
        return Category(tuple(texts), np.arange(len(texts)))
    places = dict(zip(dict.fromkeys(texts), count()))
    return Category(tuple(places), np.fromiter(map(places.__getitem__, texts), np.intp, len(texts)))


def category(texts: NDArray[np.str_]) -> Category:
    """Find the distinct values, in order."""
    if len(texts) >= _MANY and kernel.is_compiled() and (ids := _short_as_ids(texts)) is not None:
        numbering = Numbering()
        numbers = numbering.add(ids)
        example = np.empty(len(numbering.ids), np.intp)
        places = numbering.in_order()[1]
        positions = places[numbers]
        example[positions] = np.arange(len(texts))
        return Category(tuple(texts[example].tolist()), positions)
    values, positions = np.unique(texts, return_inverse=True)
    return Category(tuple(values.tolist()), positions)


def _short_as_ids(texts: NDArray[np.str_]) -> Ids | None:
    """Turn texts of up to eight Latin characters into numbers of the same order; None where one is another."""
    width = texts.dtype.itemsize // 4
    if not 0 < width <= 8:
        return None
    characters = np.ascontiguousarray(texts).view(np.uint32).reshape(-1, width)
    if characters.max() > 0xFF:
        return None
    ids = np.zeros(len(texts), np.uint64)
    for place in range(width):
        ids <<= np.uint64(8)
        ids |= characters[:, place]
    return ids


def keys_of_flights(flights: Iterable[Flight], unlisted: Container[str] = ()) -> Keys:
    """Take the keys from flights; raise UnknownAirportError for one neither listed nor among `unlisted`."""
    flights = list(flights)
    _refuse_far(flights)
    minutes = [(flight.scheduled_departure - EPOCH) // timedelta(minutes=1) for flight in flights]
    day, minute = np.divmod(np.array(minutes, np.int64), 24 * 60)
    named = {
        "origin": [_airport(flight.origin, unlisted) for flight in flights],
        "airline": [flight.airline.strip().upper() for flight in flights],
        "destination": [_airport(flight.destination, unlisted) for flight in flights],
        "flight_number": [clean_flight_number(flight.flight_number, flight.airline) for flight in flights],
    }
    return Keys(day, minute, *(category(np.array(named[name], np.str_)) for name in NAMED))


def _airport(code: str, unlisted: Container[str]) -> str:
    known = airports.capitals(code)
    return known if known in unlisted else airports.find(code).code


def _refuse_far(flights: Iterable[Flight]) -> None:
    for number, flight in enumerate(flights, start=1):
        if not EARLIEST <= flight.scheduled_departure <= LATEST:
            raise BadValueError(
                f"flight {number}: scheduled_departure {flight.scheduled_departure} cannot be used; expected a date "
                f"from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}; correct it"
            )


def view(numbers: NDArray[Any]) -> memoryview:
    """Show an array to the kernel, whole numbers as int64."""
    return np.ascontiguousarray(numbers).data


def combine(*columns: Ids) -> Ids:
    """Join ids into one 64-bit id, column by column."""
    joined = columns[0]
    for column in columns[1:]:
        pairs = np.empty(len(joined), np.uint64)
        kernel.join_all(view(joined), view(column), view(pairs))
        joined = pairs
    return joined


def index_of(ids: Ids) -> kernel.Index:
    """Give the kernel sorted ids to look others up among."""
    bits = max(1, len(ids).bit_length())
    beginnings = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    return kernel.Index(view(ids), view(np.append(ids.searchsorted(beginnings), len(ids))), bits)


def as_ids(days: Days) -> Ids:
    """Turn days into ids, so that they can be combined with others."""
    return days.astype(np.uint64)


def distinct(*columns: Category | Ids) -> tuple[Places, Places]:
    """Find the distinct among rows: where one example of each is, and for every row its place among them.

    Of few each counts as distinct.
    """
    if len(columns[0]) <= FEW:
        return EVERY, EVERY
    ids = (column.ids if isinstance(column, Category) else column for column in columns)
    numbering = Numbering()
    places = numbering.add(combine(*ids)).astype(np.intp)
    examples = np.empty(len(numbering.ids), np.intp)
    examples[places] = np.arange(len(places))
    return examples, places


class Numbering:
    """Numbers ids in the order in which it first sees them.

    >>> numbering = Numbering()
    >>> numbering.add(np.array([7, 5, 7], np.uint64)), numbering.ids
    (array([0, 1, 0], dtype=int32), array([7, 5], dtype=uint64))
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._make_room(_ROOM_BITS)

    @property
    def ids(self) -> Ids:
        """The distinct ids by their numbers, shape (distinct,)."""
        return self._ids[: self._table.count]

    def add(self, ids: Ids) -> NDArray[np.int32]:
        """Give the numbers of n ids, shape (n,)."""
        numbers = np.empty(len(ids), np.int32)
        done = self._table.number(ids.data, 0, numbers.data)
        while done < len(ids):
            self._grow()
            done = self._table.number(ids.data, done, numbers.data)
        return numbers

    def in_order(self) -> tuple[Ids, NDArray[np.int64]]:
        """Give the distinct ids sorted, and the place of each number among them, followed by -1 for none."""
        order = self.ids.argsort()
        places = np.full(len(order) + 1, -1)
        places[order] = np.arange(len(order))
        return self.ids[order], places

    def _grow(self) -> None:
        before = self.ids
        self._make_room(self._bits + 1)
        self._table.number(before.data, 0, np.empty(len(before), np.int32).data)

    def _make_room(self, bits: int) -> None:
        self._bits, self._ids = bits, np.empty(1 << bits, np.uint64)
        # Twice as many slots as ids, so that few ids are in each other's way.
        self._table = layout_kernel.IdTable(self._ids.data, np.full(2 << bits, -1, np.int32).data, bits + 1)


# Texts are whatever somebody asks about, and none is longer than a table lets it be.
@lru_cache(maxsize=16_384)
def _number(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little")
