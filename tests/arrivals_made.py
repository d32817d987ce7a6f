"""Made flights with arrivals: hours in the air, delays that are partly made up on the way, and some diverted."""

from dataclasses import replace

import numpy as np
import polars as pl

from flights_made import as_flight_table, make_flights
from puntual.sources import FlightTable

# Minutes by the clocks there from departure to arrival, and the minutes that the flight really lasts.
_BY_CLOCK = {"BOS": 75, "LAX": 200, "LHR": 720, "MIA": 190, "ORD": 100}
MADE_UP, DIVERTED_EACH = 8, 101


def with_arrivals(flights: pl.DataFrame, *, late: pl.Series | None = None) -> FlightTable:
    """Present flights with arrivals: each lands 8 minutes less late than it left, and every 101st was diverted.

    `late` are minutes of delay on arrival in the place of those.
    """
    lasts = pl.col("destination").replace_strict(_BY_CLOCK, return_dtype=pl.Int64)
    due = pl.col("scheduled_departure") + pl.duration(minutes=lasts)
    flights = flights.with_columns(scheduled_arrival=due)
    behind = flights.select(
        (pl.col("departed") - pl.col("scheduled_departure")).dt.total_minutes() - MADE_UP
    ).to_series()
    place = np.arange(flights.height)
    diverted = pl.Series(place % DIVERTED_EACH == 0) & flights["departed"].is_not_null()
    minutes = behind if late is None else late
    arrived = flights.select(
        pl.when(~diverted & pl.col("departed").is_not_null()).then(
            pl.col("scheduled_arrival") + pl.duration(minutes=minutes)
        )
    ).to_series()
    return replace(as_flight_table(flights), arrived=arrived, diverted=diverted)


def made_arrivals(days: int = 120, per_day: int = 30) -> FlightTable:
    return with_arrivals(make_flights(days, per_day))
