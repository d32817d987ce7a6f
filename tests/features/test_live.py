"""What an airport looks like at the cut-off."""

import math

import numpy as np
import polars as pl
import pytest

from flights_made import make_flights
from live_made import leg, live_flights, seen, table_of
from puntual.features.flight_keys import keys_of_flights
from puntual.features.from_frame import keys_of
from puntual.features.live import FEATURES, traffic_of
from puntual.features.live_vector import DayKnowledge, live_columns
from puntual.features.moments import CutOffs
from puntual.features.revised import revisions_of
from puntual.features.rotation import NO_TURNS, turns_from
from puntual.flights.flight import Flight
from puntual.flights.operations import KNOWN_AFTER, NEVER

MORNING = table_of(
    leg("06:00", 0),
    leg("07:00", 40),
    leg("07:30", 20, airline="B6", destination="LAX"),
    leg("08:00", 90),
    leg("08:30", None),
    leg("09:00", 10),
    leg("10:00", 30),
)


def test_departures_of_the_last_hours_count_with_their_delay_and_late_share():
    # At eight, 06:00, 07:30's at 07:50 and 07:00's at 07:40 are known to have left.
    now = seen(MORNING, "10:00", 120)
    assert (now["now_airport_departed_1h"], now["now_airport_departed_3h"]) == (2, 3)
    assert now["now_airport_delay_3h"] == 20
    assert now["now_airport_late_1h"] == 1
    assert now["now_airport_late_3h"] == pytest.approx(2 / 3, abs=2**-10)


def test_an_airline_and_a_destination_count_their_own_flights():
    now = seen(MORNING, "10:00", 120)
    assert (now["now_airline_departed_3h"], now["now_destination_departed_3h"]) == (2, 2)


def test_a_departure_counts_from_the_minute_that_it_is_known():
    before, then = (seen(MORNING, "10:00", 140 - KNOWN_AFTER + wait) for wait in (1, 0))
    assert (before["now_airport_departed_today"], then["now_airport_departed_today"]) == (1, 2)


def test_flights_past_their_schedule_that_have_not_left_are_overdue():
    now = seen(MORNING, "10:00", 80)
    assert (now["now_airport_overdue"], now["now_airport_overdue_minutes"]) == (2, 40 + 10)
    assert now["now_airport_overdue_late"] == 1


def test_a_flight_is_not_among_those_overdue_or_ahead_of_it():
    assert seen(MORNING, "10:00", 60)["now_airport_ahead"] == 0
    overdue = seen(MORNING, "08:00", -20)
    assert (overdue["now_airport_overdue"], overdue["now_airport_overdue_minutes"]) == (0, 0)
    assert overdue["horizon"] == -20


def test_a_cancellation_that_a_table_does_not_date_is_known_hours_after_its_schedule():
    flights = table_of(leg("06:00", None), leg("07:00", 0), leg("12:00", 0))
    assert seen(flights, "12:00", 181)["now_airport_cancelled"] == 0
    assert seen(flights, "12:00", 180)["now_airport_cancelled"] == 0.5
    assert (
        seen(flights, "12:00", 181)["now_airport_overdue"],
        seen(flights, "12:00", 180)["now_airport_overdue"],
    ) == (
        1,
        0,
    )


def test_a_day_begins_at_four():
    flights = table_of(leg("03:30", 0), leg("04:30", 0), leg("08:00", 0))
    now = seen(flights, "08:00", 60)
    assert (now["now_airport_departed_today"], now["day_so_far"]) == (1, 180)


def test_without_a_timetable_overdue_and_ahead_are_missing():
    table = live_flights(MORNING)
    rows = np.array([0, 5])
    moments = CutOffs(
        table.keys.take(rows),
        table.operations.scheduled[rows],
        table.operations.scheduled[rows] - 30,
        table.offsets[rows],
        np.array([True, False]),
    )
    values = dict(zip([feature.name for feature in FEATURES], table.traffic.features(moments).T, strict=True))
    missing = {name for name, of in values.items() if math.isnan(of[1]) and not math.isnan(of[0])}
    expected = {"overdue", "overdue_minutes", "overdue_late", "ahead"}
    levels = ("network", "airport", "airline", "destination")
    assert missing >= {f"now_{level}_{name}" for level in levels for name in expected}
    assert values["now_airport_departed_today"][1] > 0


HORIZONS = (30, 60, 120, 180, 360, 720)


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("event", ["left", "cancelled", "arrived", "tail", "own", "weather"])
def test_what_became_known_after_the_cut_off_changes_nothing(event: str, horizon: int):
    made = make_flights(days=6, per_day=60).with_columns(
        scheduled_arrival=pl.col("scheduled_departure") + pl.duration(hours=2),
        arrived=pl.col("departed") + pl.duration(hours=2),
        tail=pl.lit("N") + (pl.col("flight_number").cast(pl.Int64) % 7).cast(pl.String),
    )
    weather = hourly(made)
    row = 250
    table = live_flights(made, weather)
    turns = turns_from(table.learn_turns(np.arange(made.height)))
    rows = np.array([row])
    cut_off = int(table.operations.scheduled[row]) - horizon
    later = table.operations.gone_known > cut_off
    changed, observed = made, weather
    if event == "weather":
        observed = weather.with_columns(
            wind_speed=pl.when(pl.col("observed") + 60 > cut_off).then(99.0).otherwise("wind_speed")
        )
    else:
        changed = perturb(made, event, later, table.operations.arrived_known > cut_off, row)
        assert not changed.equals(made)
    assert not changed.equals(made) or not observed.equals(weather)
    other = live_flights(changed, observed)
    assert np.array_equal(
        table.columns(rows, horizon, turns), other.columns(rows, horizon, turns), equal_nan=True
    )


@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_time_expected_anew_after_the_cut_off_changes_nothing(horizon: int):
    made = make_flights(days=6, per_day=60)
    table, rows = live_flights(made), np.array([250])
    flight, scheduled = np.array([1], np.uint64), table.operations.scheduled[rows]
    cut_off = scheduled - horizon

    def columns(*known: int) -> np.ndarray:
        """The columns where each of these minutes brought another time."""
        moved = np.arange(len(known))
        revisions = revisions_of(
            flight.repeat(len(known)),
            scheduled.repeat(len(known)),
            cut_off + np.array(known),
            scheduled + 20 * (1 + moved),
        )
        moments = CutOffs(table.keys.take(rows), scheduled, cut_off, table.offsets[rows], np.ones(1, bool))
        return live_columns(moments, None, flight, DayKnowledge(table.traffic, NO_TURNS, revisions=revisions))

    np.testing.assert_array_equal(columns(-40, -7), columns(-40, -7, 1, 5))
    assert not np.array_equal(columns(-40, -7), columns(-40, -7, 0), equal_nan=True)


def perturb(
    made: pl.DataFrame, event: str, later: np.ndarray, not_landed: np.ndarray, row: int
) -> pl.DataFrame:
    """Change what happened to flights after a cut-off, so that it is still after it."""
    at = pl.Series(later & (np.arange(made.height) != row))
    if event == "left":
        moved = pl.when(at).then(pl.col("departed") + pl.duration(minutes=77)).otherwise("departed")
        return made.with_columns(departed=moved)
    if event == "arrived":
        moved = pl.when(pl.Series(not_landed)).then(pl.col("arrived") + pl.duration(minutes=50))
        return made.with_columns(arrived=moved.otherwise("arrived"))
    if event == "tail":
        # A table's tails count as known from the start, so the aircraft of later legs alone are after the cut-off.
        then = made["scheduled_departure"] > made["scheduled_departure"][row]
        return made.with_columns(tail=pl.when(~then).then("tail").otherwise(pl.lit("N0")))
    chosen = (
        pl.Series(np.arange(made.height) == row)
        if event == "own"
        else at & (made["departed"] > made["scheduled_departure"])
    )
    return made.with_columns(
        departed=pl.when(~chosen).then("departed"),
        arrived=pl.when(~chosen).then("arrived"),
        cancelled=pl.col("cancelled") | chosen,
    )


def hourly(made: pl.DataFrame) -> pl.DataFrame:
    first = int(made["scheduled_departure"][0].timestamp()) // 60
    hours = [first + 60 * hour for hour in range(24 * 7)]
    return pl.concat(
        [
            pl.DataFrame({"airport": airport, "observed": hours}).with_columns(
                temperature=pl.lit(5.0),
                humidity=pl.lit(50.0),
                wind_speed=pl.int_range(pl.len()).cast(pl.Float64),
                wind_gust=pl.lit(None, pl.Float64),
                precipitation=pl.lit(0.0),
                pressure=pl.lit(1013.0),
                visibility=pl.lit(10.0),
            )
            for airport in ("JFK", "EWR")
        ]
    )


def test_a_departure_before_the_cut_off_does_change_it():
    other = MORNING.with_columns(
        departed=pl.when(pl.col("flight_number") == "0700")
        .then(pl.col("departed") + pl.duration(minutes=5))
        .otherwise("departed")
    )
    assert seen(MORNING, "10:00", 60) != seen(other, "10:00", 60)


def test_a_board_of_one_day_gives_what_the_whole_table_gives_bit_for_bit():
    made = make_flights(days=5, per_day=80)
    table = live_flights(made)
    row = 330
    rows = np.array([row])
    scheduled = table.operations.scheduled
    cut_off = int(scheduled[row]) - 60
    moments = CutOffs(
        table.keys.take(rows), scheduled[rows], np.array([cut_off]), table.offsets[rows], np.ones(1, bool)
    )
    # A service knows the flights from a day before, and nothing that comes after the cut-off.
    near = np.flatnonzero(np.abs(scheduled - cut_off) < 30 * 60)
    known = table.operations.take(near)
    unknown = known.gone_known > cut_off
    for name in ("left", "left_known", "cancelled_known"):
        getattr(known, name)[unknown] = NEVER
    known.delay_seconds[unknown], known.late[unknown] = 0, False
    board = traffic_of(table.keys.take(near), known)
    assert np.array_equal(board.features(moments), table.traffic.features(moments), equal_nan=True)
    flight = made.row(row, named=True)
    named = Flight(
        *(
            flight[name]
            for name in ("airline", "flight_number", "origin", "destination", "scheduled_departure")
        )
    )
    alone = CutOffs(
        keys_of_flights([named]), scheduled[rows], np.array([cut_off]), table.offsets[rows], np.ones(1, bool)
    )
    assert np.array_equal(board.features(alone), table.traffic.features(moments), equal_nan=True)


def test_the_keys_of_a_table_and_of_a_flight_are_alike():
    assert (
        keys_of(MORNING).origin.ids[0]
        == keys_of_flights([Flight("AA", "1", "JFK", "BOS", MORNING["scheduled_departure"][0])]).origin.ids[0]
    )
