"""The board is a function of the events that it holds: any order and repetition gives the same."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.events_made import event, numbered
from puntual.operations.board import KEPT, Board, FlightState
from puntual.operations.event import KnownEvent

SCHEDULED = datetime(2013, 10, 3, 9, 15, tzinfo=UTC)
FLIGHT = event("left", "05:18", at="05:17").flight


def at(clock: str) -> datetime:
    """A moment of that day on Newark's clocks."""
    return datetime.fromisoformat(f"2013-10-03T{clock}-04:00")


def board_of(*events: KnownEvent) -> Board:
    board = Board()
    board.apply(events)
    return board


def state(board: Board, clock: str) -> FlightState:
    known = board.state(FLIGHT, at(clock))
    assert known is not None
    return known


def test_a_flight_is_known_from_the_moment_of_its_first_event() -> None:
    board = board_of(event("left", "05:18", at="05:17"))
    assert board.state(FLIGHT, at("05:17")) is None
    assert state(board, "05:18")[:2] == ("left", SCHEDULED)


def test_a_correction_counts_from_when_it_is_known() -> None:
    board = board_of(event("left", "05:30", at="05:21"), event("left", "05:18", at="05:17"))
    assert [state(board, clock).left_at for clock in ("05:29", "05:30")] == [at("05:17"), at("05:21")]


def test_what_is_known_last_counts_where_events_contradict_each_other() -> None:
    cancelled, left = event("cancelled", "05:20"), event("left", "06:31", at="06:30")
    board = board_of(left, cancelled)
    assert [state(board, clock).status for clock in ("05:20", "06:31")] == ["cancelled", "left"]
    assert state(board, "06:31").cancelled_at is None


def test_of_two_that_are_known_at_once_who_saw_it_leave_is_right() -> None:
    for events in ((event("left", "05:20", at="05:17"), event("cancelled", "05:20")),) * 2:
        assert state(board_of(*events), "05:20").status == "left"
        assert state(board_of(*reversed(events)), "05:20").status == "left"


def test_revised_times_are_counted_and_the_newest_counts() -> None:
    board = board_of(
        event("expected", "04:00", expected_departure="05:40"),
        event("expected", "04:30", expected_departure="06:10"),
        event("expected", "04:45", expected_departure="06:10"),
    )
    assert [
        (known.expected_departure, known.revisions)
        for known in (state(board, "04:29"), state(board, "05:00"))
    ] == [
        (at("05:40"), 1),
        (at("06:10"), 2),
    ]


def test_an_aircraft_may_change() -> None:
    board = board_of(event("tail", "04:00", tail="N1"), event("tail", "04:30", tail="n2"))
    assert [state(board, clock).tail for clock in ("04:29", "04:30")] == ["N1", "N2"]


def test_an_arrival_tells_that_the_flight_left() -> None:
    assert state(board_of(event("arrived", "08:20", at="08:10")), "10:00").status == "arrived"


def test_of_the_destination_an_event_may_say_nothing() -> None:
    board = board_of(event("tail", "04:00", tail="N1"), event("tail", "04:01", tail="N1", destination=None))
    assert state(board, "05:00").destination == "IAH"


def test_the_age_of_the_data_is_that_of_departing_flights() -> None:
    board = board_of(event("left", "05:18", at="05:17"), event("arrived", "08:20", at="08:10"))
    assert board.data_age("EWR", at("05:17")) is None
    assert board.data_age("EWR", at("10:18")) == timedelta(hours=5)
    assert board.data_age("JFK", at("10:18")) is None


CLOCKS = st.sampled_from(["00:10", "04:59", "05:00", "05:01", "09:30"])
EVENTS = st.one_of(
    st.builds(lambda known, one: event("left", known, at=known, flight_number=one), CLOCKS, st.sampled_from("12")),
    st.builds(lambda known, number: event("cancelled", known, flight_number=number), CLOCKS, st.sampled_from("12")),
    st.builds(lambda known, hope: event("expected", known, expected_departure=hope), CLOCKS, CLOCKS),
    st.builds(lambda known, tail: event("tail", known, tail=tail), CLOCKS, st.sampled_from(["N1", "N2"])),
    st.builds(lambda known, at: event("arrived", known, at=at), st.just("09:30"), CLOCKS),
)  # fmt: skip
# Moved by days, so that some of them are no longer held.
MOVED = st.builds(
    lambda one, days: one._replace(
        known_at=one.known_at + timedelta(days=days), content_key=f"{one.content_key} {days}"
    ),
    EVENTS,
    st.integers(0, 5),
)


def content(board: Board) -> object:
    return {
        code: (dict(airport.flights), airport.weather, airport._signs)
        for code, airport in board.airports.items()
    }


@given(st.data())
def test_any_order_and_repetition_gives_the_same_board(data: st.DataObject) -> None:
    events = data.draw(st.lists(MOVED, min_size=1, max_size=12))
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=6))))
    assert content(board_of(*again)) == content(board_of(*events))
    assert Board().apply([*events, *events]) <= len(set(events))


def test_a_week_leaves_no_more_on_the_board_than_its_last_days() -> None:
    board, sizes = Board(), []
    for hour in range(24 * 12):
        later = timedelta(hours=hour)
        first = numbered(hour)
        assert first.departs is not None
        board.apply(
            [first._replace(known_at=first.known_at + later, at=first.at + later, content_key=str(hour))]
        )
        sizes.append(len(board.airports["EWR"].flights))
    assert max(sizes) <= KEPT // timedelta(hours=1) + 1
    assert len(board.airports["EWR"]._signs) == sizes[-1]


@pytest.mark.parametrize("weather", [False, True])
def test_an_event_older_than_what_is_held_is_not_taken(weather: bool) -> None:
    old = event("left", "05:18", at="05:17")
    new = numbered(2)._replace(known_at=old.known_at + KEPT + timedelta(hours=1), content_key="new")
    if weather:
        new = new._replace(kind="weather")
    board = board_of(new)
    assert board.apply([old]) == 0
    assert board.state(FLIGHT, at("10:00")) is None
