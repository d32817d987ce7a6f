"""What is played of a past day: which events when, which questions, and vectors that are those of training."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flights_made import as_flight_table, make_flights
from live_made import leg, table_of
from puntual.errors import NotEnoughFlightsError
from puntual.features.from_frame import keys_of
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.rotation import turns_from
from puntual.flights.flight import LateRule, Target
from puntual.flights.schema import has_operation
from puntual.operations.board import Board
from puntual.operations.event import FlightKey
from puntual.operations.event_reading import read_event
from puntual.operations.live_operations import LiveOperations
from puntual.operations.operations_layout import FlightsAtCutOffs
from puntual.operations.replay import PlayedDay, prepare_day
from puntual.operations.replay.play import post_until
from puntual.sources import FlightTable, read_flights
from puntual.training.live_vectors import LiveFlights
from real_tables import SANTIAGO, needs_santiago

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2023, 1, 4)


def played_of(*legs: dict[str, object], day: date = DAY) -> PlayedDay:
    flights = table_of(*legs)
    table = as_flight_table(flights.drop("arrived"))
    return prepare_day(table, day, LateRule.FROM_15, day - timedelta(days=3))


def clock(minute: int) -> str:
    """What the clocks of New York show in winter."""
    return f"{datetime(1970, 1, 1) + timedelta(minutes=minute - 5 * 60):%d %H:%M}"


def test_events_are_told_when_they_were_known_or_when_the_day_that_they_count_for_is_over() -> None:
    played = played_of(
        leg("09:00", 12), leg("22:00", None, flight_number="2"), leg("23:50", 7, flight_number="3")
    )
    kinds = [type(event).__name__ for event in played.events]
    assert list(zip(kinds, map(clock, played.posted_at.tolist()), strict=True)) == [
        ("Left", "04 09:17"),
        ("Cancelled", "05 00:00"),
        ("Left", "05 00:00"),
    ]


def test_toward_arrivals_the_day_is_the_same_and_its_outcomes_are_arrivals() -> None:
    flights = table_of(
        leg("09:00", 40, landed=5),
        leg("10:00", 20, flight_number="2"),
        leg("11:00", 3, landed=61, flight_number="3"),
    )
    table = replace(
        as_flight_table(flights.drop("arrived")),
        arrived=flights["arrived"],
        diverted=pl.Series([False, True, False]),
    )
    by_departure, by_arrival = (
        prepare_day(table, DAY, LateRule.FROM_15, DAY - timedelta(days=3), target) for target in Target
    )
    assert by_departure.outcomes.delay.tolist() == [40, 20, 3]
    assert by_arrival.outcomes.band.tolist() == [0, 4, 3]
    assert by_arrival.events == by_departure.events
    assert by_arrival.flights.select("flight_number").equals(by_departure.flights.select("flight_number"))


def test_each_flight_is_asked_about_at_each_horizon_until_it_is_gone() -> None:
    played = played_of(
        leg("00:10", -40), leg("09:00", -45, flight_number="2"), leg("10:00", None, flight_number="3")
    )
    by_horizon: dict[str, list[int]] = {}
    for question in played.questions():
        by_horizon.setdefault(question.horizon, []).extend(question.rows.tolist())
    assert {horizon: sorted(rows) for horizon, rows in by_horizon.items()} == {
        "day": [1, 2], "720": [0, 1, 2], "360": [0, 1, 2], "180": [0, 1, 2], "120": [0, 1, 2], "60": [0, 1, 2],
        "30": [2],
    }  # fmt: skip
    minutes = [question.minute for question in played.questions()]
    assert minutes == sorted(minutes)
    (midnight,) = [question for question in played.questions() if question.horizon == "day"]
    assert (clock(midnight.minute), midnight.as_of) == ("04 00:00", None)
    assert played.questions()[0].as_of == "2023-01-03T17:10Z"


def test_no_more_is_told_at_once_than_an_hour_and_nothing_beyond_a_midnight() -> None:
    assert post_until(100, None, [500]) == 160
    assert post_until(480, None, [500, 560]) == 500
    assert post_until(500, None, [500, 560]) == 500
    assert post_until(501, None, [500, 560]) == 560
    assert post_until(501, 60.0, [500, 560]) == 501


def test_a_day_without_flights_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotEnoughFlightsError, match="a day from 2023-01-04 to 2023-01-04"):
        played_of(leg("09:00", 0), day=date(2023, 2, 1))


def test_days_long_past_are_told_as_far_as_history_needs_them() -> None:
    table = as_flight_table(make_flights(days=90))
    day = date(2023, 3, 31)
    played = prepare_day(table, day, LateRule.FROM_15, date(2023, 1, 1))
    days = {
        event.scheduled_departure[:10] for event in played.events if hasattr(event, "scheduled_departure")
    }
    assert min(days) == str(day - timedelta(days=61)) and max(days) == str(day)
    tails = {event.scheduled_departure[:10] for event in played.events if type(event).__name__ == "Tail"}
    assert min(tails) == str(day - timedelta(days=3))
    near = prepare_day(table, day, LateRule.FROM_15, day - timedelta(days=1))
    assert len(near.events) < len(played.events) / 5


def require_training_s_columns(table: FlightTable, day: date) -> None:
    """Play a day to a board as it is played to a service, and hold all its columns against training's."""
    flights = table.flights if table.arrived is None else table.flights.with_columns(arrived=table.arrived)
    around = (
        pl.col("scheduled_departure").dt.date().is_between(day - timedelta(days=10), day + timedelta(days=5))
    )
    flights = flights.filter(around & has_operation(flights))
    past = LiveFlights(keys_of(flights), flights, table.late_rule, table.weather)
    turns = turns_from(past.learn_turns(np.arange(flights.height)))
    played = prepare_day(table, day, table.late_rule, day - timedelta(days=1))
    first = int(np.flatnonzero((flights["scheduled_departure"].dt.date() == day).to_numpy())[0])
    board = Board()
    live = LiveOperations(board)
    timetable = pl.DataFrame(played.timetable).with_columns(pl.col("scheduled_departure").str.to_datetime())
    live.know(keys_of(timetable), table.late_rule)
    events = [read_event(sent, NOW) for sent in played.events]
    keys, told, compared = keys_of(played.flights), 0, 0
    assert played.flights.equals(flights[first : first + len(played.flights)])
    names = [FlightKey(*row) for row in played.flights.select(
        "airline", "flight_number", "origin", pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M")
    ).iter_rows()]  # fmt: skip
    for question in played.questions():
        if question.horizon == "day":
            continue
        end = int(np.searchsorted(played.posted_at, post_until(question.minute, None, []), side="right"))
        board.apply(events[told:end])
        told, rows, horizon = max(told, end), question.rows, int(question.horizon)
        scheduled = played.operations.scheduled[rows]
        offset = past.offsets[first + rows]
        asked = FlightsAtCutOffs(
            [names[row] for row in rows], keys.take(rows), scheduled, scheduled - horizon, offset
        )
        served, trained = live.columns(asked, turns), past.columns(first + rows, horizon, turns)
        different = [LIVE_COLUMNS[place] for place in np.flatnonzero(~_same(served, trained).all(axis=0))]
        assert different == [], f"{horizon} minutes before, at {question.as_of}"
        compared += len(rows)
    assert compared > 5 * len(played.flights)


def _same(served: np.ndarray, trained: np.ndarray) -> np.ndarray:
    return (served == trained) | (np.isnan(served) & np.isnan(trained))


def test_replayed_live_columns_of_a_day_in_new_york_are_training_s_bit_for_bit() -> None:
    require_training_s_columns(read_flights("nyc"), date(2013, 9, 15))


@needs_santiago
def test_replayed_live_columns_of_a_day_in_santiago_are_training_s_bit_for_bit() -> None:
    require_training_s_columns(read_flights("scl", SANTIAGO), date(2017, 9, 15))
