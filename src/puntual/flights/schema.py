"""Flights as a table: its columns, when each is known, and what is read from them."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.flights.flight import LateRule, Target, band_of

# Known as soon as the timetable is published.
TIMETABLE_FIELDS: dict[str, pl.DataType] = {
    "airline": pl.String(),
    "flight_number": pl.String(),
    "origin": pl.String(),
    "destination": pl.String(),
    "scheduled_departure": pl.Datetime("us"),
    "time_zone": pl.String(),
    "scheduled_arrival": pl.Datetime("us"),
    "aircraft": pl.String(),
    "tail": pl.String(),
}
# Known only once the flight has left or was cancelled; both null means that nobody has said yet.
OPERATION_FIELDS: dict[str, pl.DataType] = {"departed": pl.Datetime("us"), "cancelled": pl.Boolean()}
SCHEMA = pl.Schema(TIMETABLE_FIELDS | OPERATION_FIELDS)


# What stands beside these where the delay to learn is that of arrival, as `sources/arrivals.py` adds it: the delay in
# seconds, whether the flight never arrived, and when either was known by the clocks at the origin.
ARRIVAL_FIELDS: dict[str, pl.DataType] = {
    "arrival_delay": pl.Int64(),
    "never_arrived": pl.Boolean(),
    "arrival_known": pl.Datetime("us"),
}


def target_of(flights: pl.DataFrame) -> Target:
    """Tell which delay a table of flights is to be learnt from by."""
    return Target.ARRIVAL if "arrival_delay" in flights.columns else Target.DEPARTURE


def delay_minutes(flights: pl.DataFrame) -> NDArray[np.float64]:
    """Give the minutes between schedule and actual departure, or arrival; NaN where the flight did neither."""
    seconds = (pl.col("departed") - pl.col("scheduled_departure")).dt.total_seconds()
    if target_of(flights) is Target.ARRIVAL:
        seconds = pl.col("arrival_delay")
    return flights.select((seconds / 60).fill_null(float("nan"))).to_series().to_numpy()


def bands_of(flights: pl.DataFrame, rule: LateRule) -> NDArray[np.int8]:
    """Put each operated or cancelled flight of a table into its band; one that never arrived is as one cancelled."""
    return band_of(delay_minutes(flights), flights.select(_never(flights)).to_series().to_numpy(), rule)


def has_operation(flights: pl.DataFrame) -> pl.Series:
    """Tell which flights have left or were cancelled, or arrived or never did, so that they can be learnt from."""
    done = "departed" if target_of(flights) is Target.DEPARTURE else "arrival_delay"
    return flights.select(pl.col(done).is_not_null() | _never(flights)).to_series()


def by_departure(flights: pl.DataFrame) -> pl.DataFrame:
    """Give a table of flights as it is to be learnt from by departures."""
    return flights.drop(ARRIVAL_FIELDS, strict=False)


def as_text(flights: pl.DataFrame) -> pl.DataFrame:
    """Give a table of flights with texts, as readers give it, where it holds them as categories."""
    return flights.with_columns(pl.col(pl.Enum).cast(pl.String))


def _never(flights: pl.DataFrame) -> pl.Expr:
    name = "cancelled" if target_of(flights) is Target.DEPARTURE else "never_arrived"
    return pl.col(name).fill_null(False)
