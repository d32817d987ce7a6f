"""The small keys that features are functions of."""

import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BadValueError
from puntual.flights import airports
from puntual.flights.flight import EARLIEST, LATEST, Flight

NAMED = ("origin", "airline", "destination", "flight_number")
# What need not be known of a flight, in the order in which it is reported missing.
UNKNOWABLE = ("airline", "flight_number", "destination", "scheduled_departure")
EPOCH = datetime(1970, 1, 1)
Ids = NDArray[np.uint64]
Days = NDArray[np.int64]
# So few are not worth sorting.
_FEW = 1_024


@dataclass(frozen=True, slots=True)
class Category:
    """A text column as distinct values and, for each of n flights, the position of its value."""

    values: tuple[str, ...]
    positions: NDArray[np.intp]

    @property
    def ids(self) -> Ids:
        """Give each flight the stable 64-bit number of its value, shape (n,)."""
        return np.array([_number(value) for value in self.values], np.uint64)[self.positions]

    def take(self, flights: NDArray[np.intp]) -> "Category":
        """Keep the flights at these positions."""
        return Category(self.values, self.positions[flights])

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

    def __len__(self) -> int:
        return len(self.day)

    def take(self, flights: NDArray[np.intp]) -> "Keys":
        """Keep the flights at these positions."""
        kept = (getattr(self, name).take(flights) for name in NAMED)
        unknown = None if self.unknown is None else self.unknown.take(flights)
        return Keys(self.day[flights], self.minute[flights], *kept, unknown=unknown)


def category(texts: NDArray[np.str_]) -> Category:
    """Find the distinct values, in order."""
    values, positions = np.unique(texts, return_inverse=True)
    return Category(tuple(values.tolist()), positions)


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
        "flight_number": [flight.flight_number for flight in flights],
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


def combine(*columns: Ids) -> Ids:
    """Join ids into one 64-bit id by the finaliser of splitmix64 (Steele et al., 2014), column by column."""
    joined = columns[0]
    for column in columns[1:]:
        joined = _mix(joined + np.uint64(0x9E3779B97F4A7C15) * (column | np.uint64(1)) + column)
    return joined


def as_ids(days: Days) -> Ids:
    """Turn days into ids, so that they can be combined with others."""
    return days.astype(np.uint64)


def distinct(ids: NDArray[np.int64] | Ids) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the distinct ids: the position of one example of each, and for every id its place among them."""
    _, examples, places = np.unique(ids, return_index=True, return_inverse=True)
    return examples, places


def order_of(wanted: NDArray[Any]) -> NDArray[np.intp] | None:
    """Give the order in which to look values up on a sorted line; None for so few that it does not pay.

    In order, values find the line in the cache: six times faster than `np.searchsorted` at random.
    """
    return None if len(wanted) <= _FEW else wanted.argsort()


def places_in(
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


def _mix(value: Ids) -> Ids:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


# Texts are whatever somebody asks about, and none is longer than a table lets it be.
@lru_cache(maxsize=16_384)
def _number(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little")
