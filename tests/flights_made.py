"""Made flights: two airports, four airlines, and delays that depend on the hour, the airline and the day."""

import hashlib
from datetime import date, datetime

import numpy as np
import polars as pl

from puntual.flights.arrays import Columns, take
from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA
from puntual.registry import SplitInfo
from puntual.sources import FlightTable

# The split of a year, for what is written of one and splits nothing.
SPLIT = SplitInfo(
    kind="time",
    train_from=datetime(2013, 1, 1),
    train_until=datetime(2013, 8, 1),
    validation_until=datetime(2013, 10, 1),
    test_from=datetime(2013, 10, 1),
    test_until=datetime(2014, 1, 1),
    train_rows=190_000,
    validation_rows=56_000,
    test_rows=83_000,
    seed=0,
)
# A Monday, so that weeks of made flights are whole weeks.
FIRST = datetime(2023, 1, 2)
KEY = ("scheduled_departure", "origin", "airline", "flight_number", "destination")
AIRLINES = {"AA": -0.4, "B6": 0.6, "DL": -0.8, "UA": 0.2}
DESTINATIONS = ("BOS", "LAX", "LHR", "MIA", "ORD")


def make_flights(days: int = 120, per_day: int = 30, seed: int = 0) -> pl.DataFrame:
    """Make `per_day` flights on each of so many days, the same timetable every day, with `schema.SCHEMA`.

    Some 1.5 % are cancelled, and some of the last of a day leave after midnight.
    """
    chance = np.random.default_rng(seed)
    slots = _slots(per_day, chance)
    day, slot = np.repeat(np.arange(days), per_day), np.tile(np.arange(per_day), days)
    delay = _delays(day, slot, slots, chance)
    cancelled = chance.random(len(day)) < 0.015
    scheduled = np.datetime64(FIRST, "us") + (day * 1440 + slots["minute"][slot]) * np.timedelta64(1, "m")
    departed = pl.Series(scheduled + delay * np.timedelta64(1, "m"))
    columns = {name: slots[name][slot] for name in ("airline", "flight_number", "origin", "destination")}
    made = pl.DataFrame(columns).with_columns(
        scheduled_departure=pl.Series(scheduled),
        time_zone=pl.lit("America/New_York"),
        scheduled_arrival=pl.lit(None, pl.Datetime("us")),
        aircraft=pl.lit("A320"),
        tail=pl.lit("N1") + pl.col("flight_number"),
        departed=departed.set(pl.Series(cancelled), None),
        cancelled=pl.Series(cancelled),
    )
    return made.select(SCHEMA.names()).cast(SCHEMA).sort(*KEY)


def as_flight_table(flights: pl.DataFrame, late_rule: LateRule = LateRule.FROM_15) -> FlightTable:
    """Present flights as if a source had read them."""
    digest = hashlib.sha256(flights.write_csv().encode()).hexdigest()
    records = pl.Series("record", range(flights.height), dtype=pl.UInt32)
    return FlightTable(flights, late_rule, digest, "table", flights.height, (), (), records)


def flights_of(*rows: dict[str, object]) -> pl.DataFrame:
    """Make a table of a few flights, each told by what sets it apart from AA 1 from JFK to BOS."""
    usual = {
        "airline": "AA",
        "flight_number": "1",
        "origin": "JFK",
        "destination": "BOS",
        "time_zone": "America/New_York",
        "cancelled": False,
    }
    return pl.DataFrame([usual | row for row in rows], schema=SCHEMA).sort(*KEY)


def before(operations: Columns, day: date) -> Columns:
    """Keep the operations that were known before a day."""
    return take(operations, operations["day"] < (day - date(1970, 1, 1)).days)


def _slots(per_day: int, chance: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "airline": np.array(list(AIRLINES))[chance.integers(0, len(AIRLINES), per_day)],
        "flight_number": np.array([str(100 + place) for place in range(per_day)]),
        "origin": np.where(chance.random(per_day) < 0.6, "JFK", "EWR"),
        "destination": np.array(DESTINATIONS)[chance.integers(0, len(DESTINATIONS), per_day)],
        "minute": np.linspace(5 * 60, 24 * 60 - 5, per_day).astype(int),
    }


def _delays(
    day: np.ndarray, slot: np.ndarray, slots: dict[str, np.ndarray], chance: np.random.Generator
) -> np.ndarray:
    """Draw whole minutes: late flights by a law that the hour, the airline and the day's weather move."""
    weather = np.zeros(day.max() + 1)
    for today in range(1, len(weather)):
        weather[today] = 0.8 * weather[today - 1] + 0.5 * chance.standard_normal()
    airline = np.array([AIRLINES[name] for name in slots["airline"]])
    log_odds = -1.6 + airline[slot] + (slots["minute"][slot] - 840) / 400 + weather[day]
    late = chance.random(len(day)) < 1 / (1 + np.exp(-log_odds))
    minutes = np.where(
        late, 15 + chance.exponential(50, len(day)), chance.normal(0, 6, len(day)).clip(-12, 14)
    )
    return np.floor(minutes).astype(int)
