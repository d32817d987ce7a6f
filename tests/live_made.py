"""Flights of one morning at JFK, each told by its clock, its delay and its aircraft."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from flights_made import KEY
from puntual.features.from_frame import keys_of
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.rotation import turns_from
from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA
from puntual.training.live_vectors import LiveFlights

DAY = "2023-01-04"


def leg(
    clock: str, delay: int | None, tail: str | None = None, *, landed: int | None = None, **fields: object
) -> dict[str, object]:
    """One flight from JFK to BOS an hour long, `landed` so many minutes late; without a delay it is cancelled."""
    scheduled = datetime.fromisoformat(f"{DAY}T{clock}")
    due = scheduled + timedelta(hours=1)
    return {
        "airline": "AA",
        "flight_number": clock.replace(":", ""),
        "origin": "JFK",
        "destination": "BOS",
        "scheduled_departure": scheduled,
        "time_zone": "America/New_York",
        "scheduled_arrival": due,
        "tail": tail,
        "departed": None if delay is None else scheduled + timedelta(minutes=delay),
        "cancelled": delay is None,
        "arrived": None if landed is None else due + timedelta(minutes=landed),
    } | fields


def table_of(*legs: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(legs), schema=dict(SCHEMA) | {"arrived": pl.Datetime("us")}).sort(*KEY)


def live_flights(flights: pl.DataFrame, weather: pl.DataFrame | None = None) -> LiveFlights:
    return LiveFlights(keys_of(flights), flights, LateRule.FROM_15, weather)


def seen(
    flights: pl.DataFrame, clock: str, horizon: int, weather: pl.DataFrame | None = None
) -> dict[str, float]:
    """What is known of the flight scheduled at `clock`, so many minutes before."""
    table = live_flights(flights, weather)
    row = np.flatnonzero((flights["flight_number"] == clock.replace(":", "")).to_numpy())
    turns = turns_from(table.learn_turns(np.arange(flights.height)))
    (values,) = table.columns(row, horizon, turns).tolist()
    return dict(zip(LIVE_COLUMNS, values, strict=True))
