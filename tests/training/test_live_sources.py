"""Landings, tails and weather of every source reach training, and are there what they were in the table."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flights_made import make_flights
from puntual.features.live_vector import ALL_COLUMNS, LIVE_COLUMNS
from puntual.sources import FlightTable, read_flights
from puntual.training.experiment import Options, experiments, learnable

MADE = make_flights(days=120, per_day=30).with_columns(
    destination=pl.lit("BOS"),
    scheduled_arrival=pl.col("scheduled_departure") + pl.duration(minutes=70),
    arrived=pl.col("departed") + pl.duration(minutes=66),
    tail=pl.when(~pl.col("cancelled")).then(
        "N" + (pl.col("flight_number").cast(pl.Int64) % 9).cast(pl.String)
    ),
)
HOURS = MADE.select(pl.col("scheduled_departure").dt.truncate("1h").alias("hour")).unique().sort("hour")
MAP = """
[flights]
airline = "airline"
flight_number = "flight_number"
origin = "origin"
destination = "destination"
scheduled_departure = "scheduled_departure"
scheduled_arrival = "scheduled_arrival"
tail = "tail"
[operation]
departed = "departed"
cancelled = "cancelled"
arrived = "arrived"
[weather]
file = "observed.csv"
airport = "airport"
observed = "hour"
wind_speed = "wind"
"""


def clock(name: str) -> pl.Expr:
    return pl.col(name).dt.hour().cast(pl.Int64) * 100 + pl.col(name).dt.minute()


def minutes(late: str, due: str) -> pl.Expr:
    return (pl.col(late) - pl.col(due)).dt.total_minutes()


def dated(name: str) -> list[pl.Expr]:
    moment = pl.col(name).dt
    return [moment.year().alias("year"), moment.month().alias("month"), moment.day().alias("day")]


NYC = MADE.select(
    *dated("scheduled_departure"),
    dep_time=clock("departed"),
    sched_dep_time=clock("scheduled_departure"),
    dep_delay=minutes("departed", "scheduled_departure"),
    sched_arr_time=clock("scheduled_arrival"),
    arr_time=clock("arrived"),
    arr_delay=minutes("arrived", "scheduled_arrival"),
    carrier="airline",
    flight="flight_number",
    tailnum="tail",
    origin="origin",
    dest="destination",
)
OBSERVED = pl.concat([HOURS.with_columns(origin=pl.lit(airport)) for airport in ("JFK", "EWR")])
NYC_WEATHER = OBSERVED.select(
    "origin", *dated("hour"), hour=pl.col("hour").dt.hour(), wind_speed=pl.col("hour").dt.hour().cast(float)
)


def as_csv(folder: Path) -> FlightTable:
    NYC.write_csv(folder / "flights.csv", null_value="NA")
    NYC_WEATHER.write_csv(folder / "weather.csv")
    return read_flights("nyc", folder)


def as_parquet(folder: Path) -> FlightTable:
    NYC.cast({"dep_time": pl.Float64, "arr_time": pl.Float64, "dep_delay": pl.Float64}).write_parquet(
        folder / "jfk2023_both_ways_flights.parquet"
    )
    NYC_WEATHER.rename({"origin": "station"}).write_parquet(folder / "jfk2023_weather.parquet")
    return read_flights("nyc", folder / "jfk2023_both_ways_flights.parquet")


def by_map(folder: Path) -> FlightTable:
    (folder / "map.toml").write_text(MAP)
    MADE.write_csv(folder / "mine.csv", datetime_format="%Y-%m-%d %H:%M")
    OBSERVED.select(airport="origin", hour="hour", wind=pl.col("hour").dt.hour()).write_csv(
        folder / "observed.csv", datetime_format="%Y-%m-%d %H:%M"
    )
    return read_flights("table", folder / "mine.csv", folder / "map.toml")


def live_vectors(table: FlightTable) -> np.ndarray:
    """All flights an hour before their schedule, but for the columns of the day before."""
    dataset, _ = learnable(table, Options())
    rows = np.arange(len(dataset.flights))
    return dataset.learn(rows).live(rows, 60)[:, -len(LIVE_COLUMNS) :]


SOURCES = (as_csv, as_parquet, by_map)


@pytest.mark.parametrize("write", SOURCES, ids=lambda write: write.__name__)
def test_landings_tails_and_weather_reach_training(write: Callable[[Path], FlightTable], tmp_path: Path):
    vectors = dict(zip(LIVE_COLUMNS, live_vectors(write(tmp_path)).T, strict=True))
    assert np.isfinite(vectors["rotation_gap"]).mean() > 0.3
    assert set(vectors["rotation_arrival_delay"][np.isfinite(vectors["rotation_landed"])]) > {-4.0, 0.0}
    # The hour that is over an hour before the flight.
    at = MADE["scheduled_departure"].dt.hour().to_numpy() - 2
    seen = np.isfinite(vectors["weather_wind_speed"])
    assert seen.mean() > 0.6
    assert (np.abs(vectors["weather_wind_speed"] - at)[seen] <= 1).mean() > 0.8


def test_every_source_gives_the_same_vectors(tmp_path: Path):
    first, *others = (live_vectors(write(tmp_path)) for write in SOURCES)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_experts_may_read_all_that_reaches_training(tmp_path: Path):
    dataset, _ = learnable(as_csv(tmp_path), Options())
    columns = experiments(dataset, Options())[0].live_columns(learns_level=False)
    assert {ALL_COLUMNS[place] for place in columns} > set(LIVE_COLUMNS)
