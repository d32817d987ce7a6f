"""Whether a rival's features are Puntual's, flight by flight, on a sample."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from puntual.features.vector import COLUMNS
from puntual.sources import read_flights
from puntual.training.dataset import Dataset, TrainingVectors

_KEY = ("date", "minute", "origin", "carrier", "flight", "dest")
_SAMPLE = 20_000


def shared_columns() -> list[str]:
    """Name the features that the rivals work out: sixty-day rates, and congestion."""
    kinds = ("departures_15", "departures_60", "departures_day", "gap")
    return [
        name
        for name in COLUMNS
        if name.endswith(("_60d", *kinds)) and name.partition("_")[2] in _wanted(kinds)
    ]


def largest_difference(rival: pd.DataFrame, table: Path) -> float:
    """Compare a rival's columns with Puntual's vectors of the same flights, evenly drawn; infinite where NaNs do."""
    names = shared_columns()
    ours = _vectors(table)
    drawn = rival.iloc[:: max(1, len(rival) // _SAMPLE)]
    both = drawn.merge(ours, on=list(_KEY), how="left", suffixes=("", "_ours"), validate="many_to_one")
    theirs = both[names].to_numpy(np.float64)
    own = both[[f"{name}_ours" for name in names]].to_numpy(np.float64)
    if (np.isnan(theirs) != np.isnan(own)).any():
        return float("inf")
    return float(np.nanmax(np.abs(theirs - own)))


def _wanted(kinds: tuple[str, ...]) -> set[str]:
    return {*kinds, "late_rate_60d", "delay_60d", "support_60d"}


def _vectors(table: Path) -> pd.DataFrame:
    """Give Puntual's vectors by the same keys as the rival has."""
    flights = read_flights("nyc", table)
    rows = np.arange(flights.flights.height)
    matrix = TrainingVectors(Dataset(flights.flights, flights.late_rule), rows).full(rows)
    scheduled = pl.col("scheduled_departure")
    keys = flights.flights.select(
        date=scheduled.dt.truncate("1d"),
        minute=scheduled.dt.hour().cast(pl.Int64) * 60 + scheduled.dt.minute(),
        origin="origin",
        carrier="airline",
        flight=pl.col("flight_number").cast(pl.Int64),
        dest="destination",
    )
    named = pd.DataFrame({name: keys[name].to_numpy() for name in _KEY})
    return named.assign(**{name: matrix[:, COLUMNS.index(name)] for name in shared_columns()})
