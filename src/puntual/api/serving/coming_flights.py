"""The coming flights out of a table that the service is given: all of them, or an error that names the bad row."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from puntual.api.serving.coming_checks import (
    UNKNOWN,
    check_clocks,
    describe,
    is_known,
    note_unknown,
    refuse_round_trips,
)
from puntual.errors import DuplicateFlightError, TableError
from puntual.features.flight_keys import EPOCH, EVERY, NAMED, Category, Keys
from puntual.flights import airports
from puntual.flights.arrays import grouped
from puntual.flights.flight import EARLIEST, LATEST
from puntual.flights.flight_number import CLEAN, clean_flight_number
from puntual.sources.messages import unused
from puntual.sources.small_table import SmallTable, read_small_table
from puntual.sources.times import parse_time

_COLUMNS = (*NAMED, "scheduled_departure")
_EPOCH = EPOCH.toordinal()
_DAY = 24 * 60
_MINUTE = 60_000_000
# Texts sorted at one go.
_AT_ONCE = 16_384


class Coming(NamedTuple):
    """Coming flights in the order of their departures, and what a person should know of their table."""

    flights: Keys
    notes: tuple[str, ...]

    def airports(self) -> list[str]:
        """Name the airports that they leave from."""
        return list(self.flights.origin.values)

    def days(self) -> list[str]:
        """Name the days that they leave on."""
        return [date.fromordinal(_EPOCH + day).isoformat() for day in np.unique(self.flights.day).tolist()]


def read_coming(data: bytes, name: str, suffix: str) -> Coming:
    """Read flights from the bytes of a table; `suffix` is its format and `name` what messages call it.

    origin, destination and scheduled_departure are required; an airline or flight_number that is not given is unknown.
    Other columns are not looked at; those under names that no flight's field has are noted. Raise TableError naming
    the first row that cannot be used, or that repeats a flight.
    """
    if suffix.lower() in (".parquet", ".pq"):
        data, suffix = _csv_of_parquet(data, name), ".csv"
    table = read_small_table(data, name, suffix.lower(), _COLUMNS)
    airline = _category(*table.read("airline", str.upper, "text in every row", absent=UNKNOWN))
    number = _cleaned(
        _category(*table.read("flight_number", str, "text in every row", absent=UNKNOWN)), airline
    )
    origin, destination = (
        _category(*table.read(column, code_of, "an airport code in every row"))
        for column, code_of in (("origin", _origin), ("destination", airports.code_of))
    )
    moments, positions = table.read(
        "scheduled_departure",
        _microseconds,
        f"a local date and time without an offset, such as 2017-01-31 13:45, from {EARLIEST:%Y} to {LATEST:%Y}",
    )
    exact = np.array(moments, np.int64)[positions]
    minutes = exact // _MINUTE
    order, begins = grouped([exact, *(one.positions for one in (origin, airline, number, destination))])
    flights = Keys(minutes // _DAY, minutes % _DAY, origin, airline, destination, number)
    refuse_round_trips(table, flights)
    twice = check_clocks(table, flights)
    _refuse_duplicates(table, flights, order, begins)
    return Coming(
        flights.take(order),
        (*unused(table.header), *twice, *note_unknown(flights), *_note_unlisted(destination)),
    )


def _note_unlisted(destination: Category) -> Iterator[str]:
    for code in destination.values:
        if airports.look_up(code) is None:
            yield (
                f"airport {code!r} is listed neither by IATA nor by ICAO, so its flights have no distance, bearing or "
                "border"
            )


def _category(values: list[str], positions: NDArray[np.intp]) -> Category:
    distinct = tuple(_in_order(set(values)))
    places = {value: place for place, value in enumerate(distinct)}
    return Category(distinct, np.array([places[value] for value in values], np.intp)[positions])


def _cleaned(number: Category, airline: Category) -> Category:
    """Write flight numbers in the one way, each by its airline."""
    if all(map(CLEAN.fullmatch, number.values)):
        return number
    texts = [
        clean_flight_number(*words) for words in zip(number.named(EVERY), airline.named(EVERY), strict=True)
    ]
    return _category(texts, np.arange(len(texts)))


def _in_order(texts: set[str]) -> Iterable[str]:
    """Sort texts, many of them piece by piece, so that other threads get their turn in between."""
    unsorted = list(texts)
    pieces = (unsorted[start : start + _AT_ONCE] for start in range(0, len(unsorted), _AT_ONCE))
    return heapq.merge(*map(sorted, pieces))


def _origin(code: str) -> str:
    # Nobody could say what the clocks of an unlisted one show.
    return airports.find(code).code


def _microseconds(text: str) -> int | None:
    """Read a time as the microseconds since 1970 began on the same clock; None for what is none.

    Features look at minutes; what comes after them only tells two flights of one number apart.
    """
    moment = parse_time(text)
    if moment is None or moment.tzinfo is not None:
        return None
    if not EARLIEST <= moment <= LATEST:
        return None
    return (moment - EPOCH) // timedelta(microseconds=1)


def _refuse_duplicates(
    table: SmallTable, flights: Keys, order: NDArray[np.intp], begins: NDArray[np.intp]
) -> None:
    """Raise DuplicateFlightError for the first flight that stands twice; rows of one flight lie together in `order`.

    Of two without an airline or a number nobody could say that they are one.
    """
    again = np.diff(begins, append=len(order)) > 1
    again &= is_known(flights.airline)[order[begins]] & is_known(flights.flight_number)[order[begins]]
    if not again.any():
        return
    first, second = order[begins[again.argmax()] :][:2].tolist()
    raise DuplicateFlightError(
        f"{table.name}, {table.place(first)} and {table.place(second)}: flight {describe(flights, first)} stands "
        "twice; expected every flight once; delete one of the two"
    )


def _csv_of_parquet(data: bytes, name: str) -> bytes:
    """Turn Parquet into CSV with Polars, which a file given on starting may be worth; the service has none itself."""
    try:
        from puntual.sources.native import read_plain
    except ImportError as error:
        raise TableError(
            f"{name}: Parquet is read by polars, which is not installed; "
            "give CSV or JSON, or pip install 'puntual[tables]'"
        ) from error
    flights = read_plain(data, name, ".parquet", may_lack=("airline", "flight_number")).flights
    return (
        flights.select([name for name in _COLUMNS if flights[name].count()])
        .write_csv(datetime_format="%Y-%m-%d %H:%M")
        .encode()
    )
