"""A board's live columns are those that training makes of the same flights, to the bit."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from live_made import leg, live_flights, table_of
from puntual.features.flight_keys import EPOCH, Keys, category_of
from puntual.features.from_frame import keys_of
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.rotation import NO_TURNS, turns_from
from puntual.flights.flight import LateRule
from puntual.flights.operations import (
    CANCELLATION_KNOWN_AFTER,
    KNOWN_AFTER,
    MEASURES,
    OBSERVATION_KNOWN_AFTER,
)
from puntual.operations.board import Board
from puntual.operations.event import FlightKey, KnownEvent, with_content_key
from puntual.operations.live_operations import LiveOperations
from puntual.operations.operations_layout import FlightsAtCutOffs
from puntual.sources import read_flights
from puntual.training.live_vectors import LiveFlights

HORIZONS = (720, 360, 120, 60, 30, 0, -25)
MINUTE = timedelta(minutes=1)


def moment(minute: int) -> datetime:
    return datetime.fromtimestamp(int(minute) * 60, UTC)


def events_of(table: LiveFlights, rows: np.ndarray) -> Iterator[KnownEvent]:
    """What a feed would have told of flights: departures, landings, cancellations, tails and weather."""
    operations = table.operations
    for row in rows.tolist():
        flight = table.flights.row(row, named=True)
        scheduled = moment(operations.scheduled[row])
        due = flight["scheduled_arrival"]
        head = (
            flight["origin"],
            flight["airline"] or "",
            flight["flight_number"] or "",
            flight["scheduled_departure"].isoformat(timespec="minutes"),
            flight["destination"],
            scheduled,
            None if due is None else due.isoformat(timespec="minutes"),
        )

        def news(kind: str, at: datetime, known: datetime, tail: str | None = None, head=head) -> KnownEvent:
            return with_content_key(KnownEvent("", kind, *head, at, known, None, tail, None))

        if flight["tail"] is not None:
            yield news(
                "tail", scheduled - timedelta(hours=20), scheduled - timedelta(hours=20), flight["tail"]
            )
        if flight["departed"] is not None:
            left = scheduled + timedelta(seconds=int(operations.delay_seconds[row]))
            yield news("left", left, left + KNOWN_AFTER * MINUTE)
        elif flight["cancelled"]:
            known = scheduled + CANCELLATION_KNOWN_AFTER * MINUTE
            yield news("cancelled", known, known)
        if flight.get("arrived") is not None:
            landed = moment(operations.arrived[row])
            yield news("arrived", landed, landed + KNOWN_AFTER * MINUTE)


def weather_of_table(observed: pl.DataFrame) -> Iterator[KnownEvent]:
    for row in observed.iter_rows(named=True):
        at = moment(row["observed"])
        measured = {name: row[name] for name in MEASURES if row[name] is not None}
        known = at + OBSERVATION_KNOWN_AFTER * MINUTE
        yield with_content_key(
            KnownEvent(
                "", "weather", row["airport"], "", "", "", "", None, None, at, known, None, None,
                msgspec.json.encode(measured).decode(),
            )
        )  # fmt: skip


def followed(
    table: LiveFlights, events: list[KnownEvent], rule: LateRule = LateRule.FROM_15
) -> LiveOperations:
    board = Board()
    live = LiveOperations(board)
    live.know(keys_of(table.flights), rule)
    for start in range(0, len(events), 100):
        board.apply(events[start : start + 100])
    return live


def asked(table: LiveFlights, rows: np.ndarray, horizon: int) -> FlightsAtCutOffs:
    scheduled = table.operations.scheduled[rows]
    clock = pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M")
    names = table.flights[rows].select(
        pl.col("airline").fill_null(""), pl.col("flight_number").fill_null(""), "origin", clock
    )
    flights = [FlightKey(*row) for row in names.iter_rows()]
    return FlightsAtCutOffs(
        flights, table.keys.take(rows), scheduled, scheduled - horizon, table.offsets[rows]
    )


def require_same(table: LiveFlights, live: LiveOperations, rows: np.ndarray, turns) -> None:
    for horizon in HORIZONS:
        trained = table.columns(rows, horizon, turns)
        served = live.columns(asked(table, rows, horizon), turns)
        different = [
            LIVE_COLUMNS[column]
            for column in range(len(LIVE_COLUMNS))
            if not np.array_equal(trained[:, column], served[:, column], equal_nan=True)
        ]
        assert different == [], f"{horizon} minutes before"


MORNING = table_of(
    leg("05:00", 10, "N1", landed=5, destination="BOS"),
    leg("05:10", 10, "N2", landed=50),
    leg("06:00", 0),
    leg("07:00", 40, airline="B6"),
    leg("07:30", 20, airline="B6", destination="LAX"),
    leg("08:00", 90, "N1"),
    leg("08:30", None, "N2"),
    leg("09:00", -12, "N2"),
    leg("10:00", 30, "N1", landed=20),
    leg("11:00", 3, airline="B6"),
)


def test_a_board_gives_the_columns_that_training_makes_whichever_order_its_news_comes_in():
    table = live_flights(MORNING)
    rows = np.arange(MORNING.height)
    turns = turns_from(table.learn_turns(rows))
    events = sorted(events_of(table, rows), key=lambda event: event.known_at)
    require_same(table, followed(table, events), rows, turns)
    require_same(table, followed(table, events[::-1]), rows, turns)
    require_same(table, followed(table, events + events[:7]), rows, turns)


def test_a_day_of_new_york_gives_the_columns_that_training_makes():
    source = read_flights("nyc")
    flights = source.flights.with_columns(arrived=source.arrived)
    flights = flights.filter(pl.col("scheduled_departure") < datetime(2013, 1, 20))
    table = LiveFlights(keys_of(flights), flights, source.late_rule, source.weather)
    scheduled = flights["scheduled_departure"]
    fed = np.flatnonzero(scheduled.is_between(datetime(2013, 1, 13), datetime(2013, 1, 16)).to_numpy())
    rows = np.flatnonzero(scheduled.is_between(datetime(2013, 1, 15), datetime(2013, 1, 15, 20)).to_numpy())
    turns = turns_from(table.learn_turns(np.arange(flights.height)))
    events = list(events_of(table, fed))
    if source.weather is not None:
        begin, end = table.operations.scheduled[fed[0]], table.operations.scheduled[fed[-1]]
        events += weather_of_table(source.weather.filter(pl.col("observed").is_between(begin, end)))
    events.sort(key=lambda event: event.known_at)
    require_same(table, followed(table, events, source.late_rule), rows, turns)


FLIGHT_ROWS = [FlightKey("AA", str(number), "JFK", f"2023-01-04T{8 + number:02}:00") for number in range(6)]
MIDNIGHT = datetime(2023, 1, 4, 5, tzinfo=UTC)
of_flights = st.builds(
    lambda kind, row, known, shift, tail: (kind, row, known, shift, tail),
    st.sampled_from(["left", "arrived", "cancelled", "expected", "tail", "weather"]),
    st.integers(0, 5),
    st.integers(6 * 60, 16 * 60),
    st.integers(-40, 90),
    st.sampled_from(["N1", "N2"]),
)


def made_event(kind: str, row: int, known: int, shift: int, tail: str) -> KnownEvent:
    """One piece of news, of any kind, known so many minutes after midnight at JFK."""
    flight, departs = FLIGHT_ROWS[row], MIDNIGHT + timedelta(hours=8 + row)
    known_at = MIDNIGHT + known * MINUTE
    if kind == "weather":
        seen = msgspec.json.encode({"visibility": shift}).decode()
        return with_content_key(
            KnownEvent("", kind, "JFK", "", "", "", "", None, None, known_at, known_at, None, None, seen)
        )
    return with_content_key(
        KnownEvent(
            "",
            kind,
            "JFK",
            flight.airline,
            flight.flight_number,
            flight.scheduled_departure,
            "BOS",
            departs,
            None,
            min(known_at, departs + shift * MINUTE),
            known_at,
            departs + shift * MINUTE if kind == "expected" else None,
            tail if kind == "tail" else None,
            None,
        )
    )


def timetable() -> Keys:
    number = [flight.flight_number for flight in FLIGHT_ROWS]
    same = {name: category_of([value] * 6) for name, value in (("AA", "AA"), ("JFK", "JFK"), ("BOS", "BOS"))}
    day = np.full(6, (datetime(2023, 1, 4) - EPOCH).days)
    minute = np.array([(8 + row) * 60 for row in range(6)])
    return Keys(day, minute, same["JFK"], same["AA"], same["BOS"], category_of(number))


def columns_at(events: list[KnownEvent], clock: int) -> np.ndarray:
    """What a board that was told these events knows of all six flights so many minutes after midnight."""
    board = Board()
    live = LiveOperations(board)
    live.know(timetable(), LateRule.FROM_15)
    for event in events:
        board.apply([event])
    # So that the board knows the day, whatever else it was told.
    board.apply([made_event("weather", 0, 6 * 60, 0, "")])
    start = int(MIDNIGHT.timestamp()) // 60
    scheduled = np.array([start + (8 + row) * 60 for row in range(6)])
    asked_flights = FlightsAtCutOffs(
        FLIGHT_ROWS, timetable(), scheduled, np.full(6, start + clock), np.full(6, -300)
    )
    return live.columns(asked_flights, NO_TURNS)


# A flight that was called off, and then landed all the same.
LANDED_ALL_THE_SAME = [("cancelled", 0, 400, 0, "N1"), ("arrived", 0, 500, 90, "N1")]


@settings(max_examples=60)
@example(LANDED_ALL_THE_SAME, 450)
@given(st.lists(of_flights, max_size=25), st.integers(6 * 60, 16 * 60))
def test_nothing_that_is_known_after_the_cut_off_is_in_any_column(drawn: list, clock: int) -> None:
    events = [made_event(*news) for news in drawn]
    until = [event for event in events if event.known_at <= MIDNIGHT + clock * MINUTE]
    np.testing.assert_array_equal(columns_at(events, clock), columns_at(until, clock))


@settings(max_examples=60)
@given(st.lists(of_flights, max_size=25), st.integers(6 * 60, 16 * 60), st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_news_changes_no_column(drawn: list, clock: int, chance) -> None:
    events = [made_event(*news) for news in drawn]
    shuffled = events + events[:5]
    chance.shuffle(shuffled)
    np.testing.assert_array_equal(columns_at(events, clock), columns_at(shuffled, clock))
