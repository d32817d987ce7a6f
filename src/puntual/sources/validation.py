"""Checks of a whole table of flights: an operation far from its schedule, the same flight twice."""

import enum

import polars as pl

from puntual.errors import DuplicateFlightError
from puntual.sources.faults import Fault
from puntual.sources.messages import shown

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


def unwelcome(flights: pl.DataFrame, twice: pl.Series, rule: Duplicates) -> pl.DataFrame:
    """Give the rows that repeat a flight and may not under the rule, each with the `row` that it `repeats`.

    `flights` are sorted by KEY, and `twice` marks the rows whose flight stands in an earlier one.
    """
    compared = list((*KEY, *OPERATION) if rule is Duplicates.KEEP else KEY)
    involved = flights.filter(twice | twice.shift(-1, fill_value=False))
    if rule is Duplicates.FIRST:
        involved = involved.clear()
    first = pl.col("row").first().over(compared)
    return involved.with_columns(repeats=first).filter(pl.col("row") != pl.col("repeats"))


def duplicates_fault(repeats: pl.DataFrame) -> Fault:
    """Describe rows that repeat the flights of others, as `unwelcome` gives them."""
    flights = pl.Series([describe(flight) for flight in repeats.iter_rows(named=True)], dtype=pl.String)
    return Fault(
        DuplicateFlightError,
        "flights that stand twice; expected every flight once",
        lambda flight: (
            f"flight {flight} stands twice; expected every flight once; delete one of the two, "
            'or read the table with duplicates = "first" in its map, or with --bad-rows leave_out'
        ),
        repeats["row"],
        flights,
        repeated=repeats["repeats"],
    )


def describe(flight: dict[str, object]) -> str:
    """Name a flight in a message: airline, number, route, scheduled departure; what is unknown is left out."""
    route = "–".join(str(flight[name]) for name in ("origin", "destination") if flight[name] is not None)
    words = (flight["airline"], flight["flight_number"], route, flight["scheduled_departure"])
    return shown(" ".join(str(word) for word in words if word is not None)).strip("'\"")
