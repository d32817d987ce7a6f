"""Missing is no messenger: that a field is not known must not, alone, tell what became of a flight."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flights_made import as_flight_table, make_flights
from puntual.features.from_frame import keys_of
from puntual.flights.flight import LateRule
from puntual.flights.schema import bands_of, has_operation
from puntual.sources import FlightTable, nyc, read_flights
from puntual.training.live_vectors import LiveFlights, hide_tails
from real_tables import FOLDER, SANTIAGO

# What vectors are made of, but for what no flight is without.
FIELDS = ("airline", "flight_number", "destination", "scheduled_arrival")
# How far from a coin's .5 the ROC AUC of "it is missing" may be.
AT_MOST = 0.01
REAL = {
    "Santiago 2017": ("scl", SANTIAGO),
    "New York 2013": ("nyc", None),
    "New York 2017": ("nyc", FOLDER / "nyc2017_flights.parquet"),
    "Seattle 2015": ("nyc", FOLDER / "sea2015_both_ways_flights.parquet"),
    "Albuquerque": ("nyc", FOLDER / "abq2008_2017_flights.parquet"),
}


def tells(missing: np.ndarray, late: np.ndarray) -> float:
    """How far the ROC AUC of an indicator of late flights is from guessing."""
    return float(abs(missing[late].mean() - missing[~late].mean()) / 2)


def messengers(table: FlightTable) -> dict[str, float]:
    """The fields whose being missing tells the outcome, as training shows them, with by how much."""
    operated = has_operation(table.flights)
    flights = table.flights.filter(operated)
    bands = bands_of(flights, table.late_rule)
    late = bands > 0
    missing = {name: flights[name].is_null().to_numpy() for name in FIELDS}
    past = LiveFlights(keys_of(flights), flights, table.late_rule, table.weather)
    missing["tail"] = hide_tails(past.operations.tail, bands, np.random.default_rng(0))
    if past.weather is not None:
        an_hour_before = past.operations.scheduled - 60
        observed = past.weather.features(past.keys.origin, an_hour_before)
        # A single measure may be missing for what it measures: without gusts none is reported.
        missing["weather"] = np.isnan(observed).all(axis=1)
    measured = {name: tells(mask, late) for name, mask in missing.items()}
    return {name: auc for name, auc in measured.items() if auc > AT_MOST}


def made(**columns: pl.Expr) -> FlightTable:
    return as_flight_table(make_flights(days=200, per_day=50).with_columns(**columns))


CANCELLED = pl.col("cancelled")
LATE = pl.col("departed") > pl.col("scheduled_departure") + pl.duration(minutes=14)
# No divisor of a day's flights, so that it falls on all hours alike.
SOME = pl.int_range(pl.len()) % 7 == 0


def test_a_field_that_is_missing_where_flights_were_late_is_a_messenger():
    arrival = pl.when(~LATE | SOME).then(pl.col("scheduled_departure") + pl.duration(hours=2))
    assert set(messengers(made(scheduled_arrival=arrival))) == {"scheduled_arrival"}


def test_fields_that_are_missing_at_random_are_none():
    due = pl.col("scheduled_departure") + pl.duration(hours=2)
    table = made(airline=pl.when(~SOME).then("airline"), scheduled_arrival=pl.when(SOME).then(due))
    assert messengers(table) == {}


def test_tails_that_only_cancelled_flights_lack_are_none_once_some_are_hidden():
    table = made(tail=pl.when(~CANCELLED).then("tail"))
    without = table.flights["tail"].is_null().to_numpy()
    late = bands_of(table.flights, LateRule.FROM_15) > 0
    assert late[without].all() and tells(without, late) > AT_MOST
    assert messengers(table) == {}


@pytest.mark.parametrize("name", REAL)
def test_no_field_of_a_real_table_is_a_messenger(name: str):
    source, file = REAL[name]
    if not (nyc.package_folder() if file is None else Path(file).is_file()):
        pytest.skip(f"{name}: its table is not here; TEST_DATA=FOLDER names another folder")
    assert messengers(read_flights(source, file)) == {}
