"""What of coming flights cannot be: a departure that the clocks skip, a flight to where it comes from."""

from collections.abc import Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BadValueError
from puntual.features.flight_keys import EPOCH, NAMED, Category, Keys
from puntual.features.shown_times import shown_departures
from puntual.flights import airports
from puntual.sources.messages import bad_value, shown
from puntual.sources.small_table import SmallTable

# Stands in a column of texts for what is not known of a flight; no cell is so read.
UNKNOWN = ""
_CORRECT = "correct the cell, or leave the row out"


def is_known(column: Category) -> NDArray[np.bool_]:
    """Tell of which flights a column says something, shape (n,)."""
    return np.array([value != UNKNOWN for value in column.values], bool)[column.positions]


def note_unknown(flights: Keys) -> Iterator[str]:
    """Count the flights that have no airline or no number."""
    for name, without in (
        ("airline", "count for their airport alone"),
        ("flight_number", "stand for themselves"),
    ):
        count = int((~is_known(getattr(flights, name))).sum())
        if count:
            yield f"flights without {name}, which {without}: {count}"


def refuse_round_trips(table: SmallTable, flights: Keys) -> None:
    """Raise BadValueError for the first flight that goes to where it comes from."""
    origin, destination = flights.origin.texts(), flights.destination.texts()
    same = origin == destination
    if same.any():
        row = int(same.argmax())
        cell = f"{table.name}, {table.place(row)}, column 'destination'"
        raise bad_value(cell, str(destination[row]), "another airport than the origin", _CORRECT)


def check_clocks(table: SmallTable, flights: Keys) -> Iterator[str]:
    """Raise BadValueError for the first departure that the clocks at its origin skip; note those shown twice."""
    skipped, twice = shown_departures(flights, airports.zone_of)
    if skipped.any():
        raise _skipped(table, flights, int(skipped.argmax()))
    return _note_twice(table, flights, twice)


def describe(flights: Keys, row: int) -> str:
    """Name a flight in a message: airline, number, route, departure; what is unknown is left out."""
    columns = (getattr(flights, name) for name in NAMED)
    origin, airline, destination, number = (column.values[column.positions[row]] for column in columns)
    words = (airline, number, f"{origin}–{destination}", _time(flights, row))
    return shown(" ".join(word for word in words if word != UNKNOWN)).strip("'\"")


def _skipped(table: SmallTable, flights: Keys, row: int) -> BadValueError:
    (code,) = flights.origin.named(np.array([row]))
    cell = f"{table.name}, {table.place(row)}, column 'scheduled_departure'"
    expected = f"a time that exists: the clocks of {airports.zone_of(code)} skip this one"
    return bad_value(cell, _time(flights, row), expected, _CORRECT)


def _note_twice(table: SmallTable, flights: Keys, twice: NDArray[np.bool_]) -> Iterator[str]:
    if twice.any():
        row = int(twice.argmax())
        yield (
            "flights at a time that the clocks show twice that night, taken as the first: "
            f"{int(twice.sum())} ({table.place(row)}: {describe(flights, row)})"
        )


def _time(flights: Keys, row: int) -> str:
    day = date.fromordinal(EPOCH.toordinal() + int(flights.day[row]))
    return f"{day} {flights.minute[row] // 60:02}:{flights.minute[row] % 60:02}"
