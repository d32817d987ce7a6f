"""Checks of a whole table of flights: an operation far from its schedule, the same flight twice."""

import enum

import polars as pl

from puntual.errors import DuplicateFlightError
from puntual.sources.messages import shown
from puntual.sources.raw_table import RawTable

KEY = ("scheduled_departure", "origin", "airline", "flight_number", "destination")
OPERATION = ("departed", "cancelled", "operated_as")
EARLIEST = pl.duration(hours=-24)
LATEST = pl.duration(days=7)
FAR_FROM_SCHEDULE = "departure more than 24 hours before schedule or 7 days after it"


class Duplicates(enum.StrEnum):
    """What to do with a flight that stands twice; KEEP keeps it only where the operations differ."""

    REFUSE = "refuse"
    FIRST = "first"
    KEEP = "keep"


def far_from_schedule(flights: pl.DataFrame) -> pl.Series:
    """Mark departures so far from schedule that one of the two times must be wrong."""
    ahead = pl.col("departed") - pl.col("scheduled_departure")
    return flights.select((~ahead.is_between(EARLIEST, LATEST)).fill_null(False)).to_series()


def repeated(flights: pl.DataFrame) -> pl.Series:
    """Mark every row whose flight stands in an earlier row too; the rows must be sorted by KEY."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in KEY)
    return flights.select(same.fill_null(False)).to_series()


def refuse_duplicates(raw: RawTable, flights: pl.DataFrame, twice: pl.Series, rule: Duplicates) -> None:
    """Raise DuplicateFlightError for the first flight that stands twice and may not under the rule."""
    if rule is Duplicates.FIRST or not twice.any():
        return
    involved = flights.filter(twice | twice.shift(-1, fill_value=False))
    compared = (*KEY, *OPERATION) if rule is Duplicates.KEEP else KEY
    offending = involved.filter(involved.select(compared).is_duplicated())
    if offending.height:
        first = offending.row(0, named=True)
        again = next(row for row in offending.iter_rows(named=True) if _same(row, first) and row is not first)
        raise DuplicateFlightError(_message(raw, first, again))


def describe(flight: dict[str, object]) -> str:
    """Name a flight in a message: airline, number, route, scheduled departure."""
    words = "{airline} {flight_number} {origin}–{destination} {scheduled_departure}".format(**flight)
    return shown(words).strip("'\"")


def _same(row: dict[str, object], other: dict[str, object]) -> bool:
    return row["record"] != other["record"] and all(row[name] == other[name] for name in KEY)


def _message(raw: RawTable, first: dict[str, object], again: dict[str, object]) -> str:
    return (
        f"{raw.name}, {_place(raw, first)} and {_place(raw, again)}: flight {describe(first)} "
        "stands twice; expected every flight once; delete one of the two, "
        'or read the table with duplicates = "first" in its map'
    )


def _place(raw: RawTable, flight: dict[str, object]) -> str:
    return raw.place(int(str(flight["record"])))
