"""Flights as a table: its columns, when each is known, and what is read from them."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.flights.flight import LateRule, band_of

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


def delay_minutes(flights: pl.DataFrame) -> NDArray[np.float64]:
    """Give the minutes between scheduled and actual departure; NaN where the flight has not left."""
    seconds = (pl.col("departed") - pl.col("scheduled_departure")).dt.total_seconds()
    return flights.select((seconds / 60).fill_null(float("nan"))).to_series().to_numpy()


def bands_of(flights: pl.DataFrame, rule: LateRule) -> NDArray[np.int8]:
    """Put each operated or cancelled flight of a table into its band."""
    return band_of(delay_minutes(flights), flights["cancelled"].fill_null(False).to_numpy(), rule)


def has_operation(flights: pl.DataFrame) -> pl.Series:
    """Tell which flights have left or were cancelled, so that something can be learnt from them."""
    return flights.select(pl.col("departed").is_not_null() | pl.col("cancelled").fill_null(False)).to_series()
