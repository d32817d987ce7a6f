"""Departures of a table that the clocks at their origin skip, which are refused, or show twice, which is noted."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import polars as pl

from puntual.errors import BadValueError
from puntual.sources.faults import Fault
from puntual.sources.raw_table import CORRECT, RawTable
from puntual.sources.times import shown_times
from puntual.sources.validation import describe


def mark_skipped(raw: RawTable, draft: pl.DataFrame, *, requested: bool) -> pl.Series:
    """Mark the rows that no flight can leave by, and give the rows at a time that is shown twice.

    A flight with an operation has left, whatever its schedule says, and is not looked at unless it is `requested`.
    """
    coming = pl.col("scheduled_departure").is_not_null() & pl.col("time_zone").is_not_null()
    if not requested:
        coming &= pl.col("departed").is_null() & pl.col("cancelled").is_null()
    shown = [_shown(part) for part in draft.filter(coming).partition_by("time_zone")]
    if not shown:
        return draft["row"].clear()
    rows = pl.concat(shown).sort("row")
    skipped = rows.filter("skipped")
    if skipped.height:
        raw.faults.append(_fault(skipped))
    return rows.filter("twice")["row"]


def note_twice(twice: pl.DataFrame, example: Callable[[dict[str, object]], str]) -> tuple[str, ...]:
    """Count flights at a time that is shown twice, with the first row of them."""
    if twice.is_empty():
        return ()
    return (
        "flights at a time that the clocks show twice that night, taken as the first: "
        f"{twice.height} ({example(twice.sort('record').row(0, named=True))})",
    )


def _shown(flights: pl.DataFrame) -> pl.DataFrame:
    minutes = flights["scheduled_departure"].dt.epoch("s").to_numpy() // 60
    shown = shown_times(minutes, ZoneInfo(flights["time_zone"][0]))
    return flights.with_columns(skipped=pl.Series(shown.skipped), twice=pl.Series(shown.twice))


def _fault(skipped: pl.DataFrame) -> Fault:
    flights = [f"{describe(flight)} in {flight['time_zone']}" for flight in skipped.iter_rows(named=True)]
    return Fault(
        BadValueError,
        "departures that the clocks at their origin skip; expected times that they show",
        lambda flight: f"flight {flight}: the clocks skip this time; expected one that they show; {CORRECT}",
        skipped["row"],
        pl.Series(flights, dtype=pl.String),
    )
