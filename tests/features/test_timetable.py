"""How crowded the timetable is around a flight."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from flights_made import flights_of, make_flights
from puntual.features import timetable
from puntual.features.from_frame import keys_of

NAMES = [feature.name for feature in timetable.FEATURES]
NAN = np.nan


def at(clock: str, **fields: str) -> dict[str, object]:
    return {"scheduled_departure": datetime.fromisoformat(f"2023-01-02T{clock}")} | fields


# Sorted by clock: 08:00 AA, 08:15 B6, 08:15 AA, 09:00 B6, 09:16 AA, and 08:10 from another airport.
DAY = flights_of(
    at("08:00", airline="AA"),
    at("08:10", airline="AA", origin="EWR"),
    at("08:15", airline="AA"),
    at("08:15", airline="B6"),
    at("09:00", airline="B6"),
    at("09:16", airline="AA"),
)


def features_of(known: timetable.Timetable, flights: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    return dict(zip(NAMES, known.congestion(keys_of(flights)).T, strict=True))


def test_departures_are_counted_by_hand_around_each_flight() -> None:
    features = features_of(timetable.known_timetable(keys_of(DAY)), DAY)
    # Rows: JFK AA 8:00, EWR AA 8:10, JFK AA 8:15, JFK B6 8:15, JFK B6 9:00, JFK AA 9:16.
    np.testing.assert_array_equal(features["airport_departures_15"], [3, 1, 3, 3, 1, 1])
    np.testing.assert_array_equal(features["airport_departures_60"], [4, 1, 4, 4, 5, 2])
    np.testing.assert_array_equal(features["airport_departures_day"], [5, 1, 5, 5, 5, 5])
    np.testing.assert_array_equal(features["airport_gap"], [NAN, NAN, 15, 15, 45, 16])
    np.testing.assert_array_equal(features["airline_departures_15"], [2, 1, 2, 1, 1, 1])
    np.testing.assert_array_equal(features["airline_departures_60"], [2, 1, 2, 2, 2, 1])
    np.testing.assert_array_equal(features["airline_departures_day"], [3, 1, 3, 2, 2, 3])
    np.testing.assert_array_equal(features["airline_gap"], [NAN, NAN, 15, NAN, 45, 61])


def test_one_flight_asked_alone_sees_the_whole_day_that_is_given() -> None:
    known = timetable.known_timetable(keys_of(DAY))
    whole = known.congestion(keys_of(DAY))
    for row in range(DAY.height):
        np.testing.assert_array_equal(known.congestion(keys_of(DAY[row : row + 1])), whole[row : row + 1])


def test_neither_midnight_nor_another_airport_is_looked_across() -> None:
    late, early = datetime(2023, 1, 2, 23, 59), datetime(2023, 1, 3, 0, 1)
    flights = flights_of({"scheduled_departure": late}, {"scheduled_departure": early})
    features = features_of(timetable.known_timetable(keys_of(flights)), flights)
    np.testing.assert_array_equal(features["airport_departures_60"], [1, 1])
    np.testing.assert_array_equal(features["airport_gap"], [NAN, NAN])


def test_an_airport_that_the_timetable_does_not_know_is_missing_not_empty() -> None:
    known = timetable.known_timetable(keys_of(DAY))
    stranger = flights_of(at("08:00", origin="BOS"))
    assert np.isnan(known.congestion(keys_of(stranger))).all()
    assert known.departures_of_the_day(keys_of(stranger)) == [0.0]


def test_an_airline_that_the_timetable_does_not_know_is_missing_where_the_airport_is_known() -> None:
    stranger = flights_of(at("08:00", airline="ZZ"))
    features = timetable.known_timetable(keys_of(DAY)).congestion(keys_of(stranger))[0]
    np.testing.assert_array_equal(features, [3, 4, 5, NAN, NAN, NAN, NAN, NAN])


def test_a_timetable_of_nothing_knows_nothing() -> None:
    nothing = keys_of(DAY.clear())
    usual = timetable.usual_departures(nothing)
    assert not len(usual["flights"])
    for empty in (timetable.known_timetable(nothing), timetable.typical_timetable(usual)):
        assert np.isnan(empty.congestion(keys_of(DAY))).all()


def weekly(weeks: int, seed: int) -> pl.DataFrame:
    """One week of flights, different from day to day, repeated."""
    first = make_flights(days=7, per_day=20, seed=seed).sample(fraction=0.5, seed=seed)
    moved = pl.col("scheduled_departure") + pl.lit(timedelta(days=7)) * pl.col("week")
    repeated = first.join(pl.DataFrame({"week": range(weeks)}), how="cross")
    return repeated.with_columns(scheduled_departure=moved).drop("week")


@given(weeks=st.integers(1, 11), seed=st.integers(0, 50))
def test_a_typical_week_of_weeks_that_are_alike_says_what_a_known_one_does(weeks: int, seed: int) -> None:
    keys = keys_of(weekly(weeks, seed))
    typical = timetable.typical_timetable(timetable.usual_departures(keys))
    known = timetable.known_timetable(keys)
    np.testing.assert_array_equal(typical.congestion(keys), known.congestion(keys))


@given(days=st.integers(7, 70))
def test_a_daily_timetable_is_typical_of_any_number_of_days(days: int) -> None:
    keys = keys_of(make_flights(days=days, per_day=6))
    typical = timetable.typical_timetable(timetable.usual_departures(keys))
    np.testing.assert_array_equal(
        typical.departures_of_the_day(keys), timetable.known_timetable(keys).departures_of_the_day(keys)
    )


def test_only_the_last_eight_weeks_are_typical() -> None:
    old = weekly(1, seed=1)
    eight_weeks = weekly(8, seed=2).with_columns(pl.col("scheduled_departure") + timedelta(days=70))
    usual = timetable.usual_departures(keys_of(pl.concat([old, eight_weeks])))
    of_eight_weeks = timetable.usual_departures(keys_of(eight_weeks))
    for name, column in usual.items():
        np.testing.assert_array_equal(column, of_eight_weeks[name])
    assert set(usual["weeks"]) == {8}


def test_a_typical_flight_is_counted_in_fractions_where_it_flew_in_some_weeks() -> None:
    twice = weekly(8, seed=3)
    cut = twice.filter(pl.col("scheduled_departure") < datetime(2023, 1, 2) + timedelta(weeks=4))
    keys = keys_of(pl.concat([twice, cut.with_columns(pl.col("scheduled_departure") + timedelta(minutes=1))]))
    usual = timetable.typical_timetable(timetable.usual_departures(keys))
    known = timetable.known_timetable(keys_of(twice))
    np.testing.assert_allclose(
        usual.departures_of_the_day(keys_of(twice)), 1.5 * known.departures_of_the_day(keys_of(twice))
    )


@given(st.randoms())
def test_the_order_of_the_rows_does_not_matter(order) -> None:
    rows = list(range(DAY.height))
    order.shuffle(rows)
    whole = timetable.known_timetable(keys_of(DAY)).congestion(keys_of(DAY))
    shuffled = timetable.known_timetable(keys_of(DAY[rows])).congestion(keys_of(DAY[rows]))
    np.testing.assert_array_equal(shuffled, whole[rows])


def test_the_typical_gap_is_to_the_departure_that_is_there_every_week() -> None:
    """At 7:00 one leaves every week, at 7:30 only in two of four: at 8:00 the usual gap is an hour."""
    weeks = [datetime(2023, 1, 2) + timedelta(weeks=week) for week in range(4)]
    flights = flights_of(
        *({"scheduled_departure": day + timedelta(hours=hour)} for day in weeks for hour in (7, 8)),
        *({"scheduled_departure": day + timedelta(hours=7.5)} for day in weeks[:2]),
        {"scheduled_departure": weeks[-1] + timedelta(days=6, hours=9)},
    )
    typical = timetable.typical_timetable(timetable.usual_departures(keys_of(flights)))
    eight = flights.filter(pl.col("scheduled_departure") == weeks[0] + timedelta(hours=8))
    assert features_of(typical, eight)["airport_gap"] == [60.0]
    assert features_of(timetable.known_timetable(keys_of(flights)), eight)["airport_gap"] == [30.0]
