"""A model that has learnt how days unfold, from made flights of which whole days are an hour late."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments_made import few_live_trees
from flights_made import FIRST, as_flight_table, make_flights
from made_once import made_once
from puntual.training.train import Options, train

# One on which flights were late, after the period of training.
LATE_DAY = date(2023, 3, 24)


def unfolding_flights() -> pl.DataFrame:
    """Ninety days, on three in ten of which every flight leaves an hour later."""
    flights = make_flights(days=90)
    day = (flights["scheduled_departure"].dt.date() - FIRST.date()).dt.total_days()
    is_late = np.random.default_rng(5).random(90) < 0.3
    is_late[(LATE_DAY - FIRST.date()).days] = True
    later = pl.Series(np.where(is_late[day.to_numpy()], 60, 0)) * pl.duration(minutes=1)
    return flights.with_columns(departed=pl.col("departed") + later)


@pytest.fixture(scope="session")
def unfolding_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one bundle, trained on all but the last eight days of `unfolding_flights`."""
    return made_once(tmp_path_factory, "unfolding", _train)


def _train(registry: Path) -> None:
    options = Options(candidates="lightgbm:none", backtest=False, live=True, until=datetime(2023, 3, 23))
    now = datetime(2026, 1, 2, tzinfo=UTC)
    with few_live_trees():
        train(as_flight_table(unfolding_flights()), registry=str(registry), now=now, options=options)
