"""The flights of a stress test: as many different ones as are needed, from a table however small."""

from datetime import datetime

import polars as pl
import pytest

from puntual import Predictor
from puntual.errors import TableError
from puntual.features.flight_keys import NAMED
from puntual.stress.flights import KEY, flights_for, latest_flights, pool_of


def test_no_flight_comes_twice(predictor: Predictor, made_flights: pl.DataFrame) -> None:
    pool = pool_of(predictor, made_flights, 20_000)
    taken = pl.concat([pool.take(0, 12_000), pool.take(12_000, 8_000)])
    assert taken.height == 20_000 == taken.unique(KEY).height


def test_a_single_flight_is_moved_over_minutes_once_its_days_are_used_up(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    one = made_flights.filter(pl.col("scheduled_departure").dt.date() == datetime(2023, 4, 20)).head(1)
    taken = pool_of(predictor, one, 5_000).take(0, 5_000)
    assert taken.height == 5_000 == taken.unique(KEY).height
    assert taken.unique(NAMED).height == 1
    assert taken["scheduled_departure"].dt.time().n_unique() > 1


def test_more_flights_than_there_are_minutes_come_no_second_time(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    pool = pool_of(predictor, made_flights.head(1), 10**9)
    assert pool.take(len(pool) - 3, 10).height == 3
    assert pool.take(0, len(pool)).unique(KEY).height == len(pool) == len(pool.days) * 1_440


def test_flights_keep_their_names_and_stay_within_the_days_that_the_bundle_has_a_history_of(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    taken = pool_of(predictor, made_flights, 3_000).take(0, 3_000)
    assert taken.join(made_flights, on=NAMED, how="anti").is_empty()
    predictions = predictor.predict(taken, timetable_of=taken.clear())
    assert (predictions.history_until >= 0).all()
    assert taken["scheduled_departure"].dt.date().max() <= predictor.bundle.manifest.history_until


def test_the_same_table_always_gives_the_same_flights(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    taken = [pool_of(predictor, made_flights, 500).take(100, 200) for _ in range(2)]
    assert taken[0].equals(taken[1])


def test_no_flight_leaves_on_a_day_on_which_the_clocks_change(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    # On 1 April 2023 the clocks of Santiago showed the last hour twice.
    santiago = made_flights.with_columns(time_zone=pl.lit("America/Santiago"))
    days = set(pool_of(predictor, santiago, 1).days.tolist())
    change = (datetime(2023, 4, 1) - datetime(1970, 1, 1)).days
    assert change not in days
    assert {change - 1, change + 1} <= days


def test_repeated_flights_are_the_latest_as_they_were(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    latest = latest_flights(predictor, made_flights, 200)
    assert latest.height == 200 == latest.join(made_flights, on=KEY, how="semi").height
    assert latest.equals(latest_flights(predictor, made_flights, 200))


@pytest.mark.parametrize("take", [pool_of, latest_flights])
def test_flights_beyond_what_the_bundle_knows_cannot_be_asked_about(
    predictor: Predictor, made_flights: pl.DataFrame, take: object
) -> None:
    later = made_flights.with_columns(pl.col("scheduled_departure").dt.offset_by("2y"))
    with pytest.raises(TableError, match=r"no flight leaves by 2023-04-21.*--flights"):
        take(predictor, later, 10)  # type: ignore[operator]


def test_a_bundle_that_learnt_from_a_table_of_ones_own_asks_for_flights(predictor: Predictor) -> None:
    assert predictor.bundle.manifest.source == "table"
    with pytest.raises(TableError, match=r"learnt from the source 'table'.*--flights FILE"):
        flights_for(predictor, None)
