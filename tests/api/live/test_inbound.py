"""The leg that brings a flight's aircraft, and the time that it leaves on the ground."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from puntual.api.live.inbound import Inbound, inbound_of
from puntual.operations.board import Board
from puntual.operations.event import FlightKey
from puntual.operations.event_contract import Arrived, Left, Tail
from puntual.operations.event_reading import read_event

ZONE = ZoneInfo("America/New_York")
DAY = "2023-04-20"
NOON = datetime(2023, 4, 20, 12, tzinfo=ZONE)
FLIGHT = {"airline": "AA", "flight_number": "1", "origin": "JFK", "scheduled_departure": f"{DAY}T13:00"}
# From Boston, due at half past twelve.
LEG = {
    "airline": "AA",
    "flight_number": "2",
    "origin": "BOS",
    "destination": "JFK",
    "scheduled_departure": f"{DAY}T11:10",
    "scheduled_arrival": f"{DAY}T12:30",
}
TAILS = [
    Tail(**FLIGHT, destination="MIA", tail="N1", known_at=f"{DAY}T10:00"),
    Tail(**LEG, tail="N1", known_at=f"{DAY}T10:00"),
]
LEFT_LATE = Left(**LEG, at=f"{DAY}T11:50", known_at=f"{DAY}T11:52")
LANDED = Arrived(**LEG, at=f"{DAY}T13:05", known_at=f"{DAY}T13:06")


def inbound(*events: Tail | Left | Arrived, moment: datetime = NOON) -> Inbound | None:
    board = Board()
    board.apply(read_event(event, NOON + timedelta(days=1)) for event in events)
    flight = FlightKey("AA", "1", "JFK", FLIGHT["scheduled_departure"])
    state = board.state(flight, moment)
    assert state is not None
    return inbound_of(board, flight, state, ZONE, moment)


@pytest.mark.parametrize(
    ("events", "moment", "lands", "late", "buffer"),
    [
        (TAILS, NOON, "12:30", 0, 30),
        ([*TAILS, LEFT_LATE], NOON, "13:10", 40, -10),
        ([*TAILS, LEFT_LATE, LANDED], NOON, "13:10", 40, -10),
        ([*TAILS, LEFT_LATE, LANDED], NOON + timedelta(hours=2), "13:05", 35, -5),
    ],
)
def test_an_aircraft_lands_as_scheduled_and_as_much_later_as_it_left_until_it_has_landed(
    events: list[Tail | Left | Arrived], moment: datetime, lands: str, late: int, buffer: int
) -> None:
    leg = inbound(*events, moment=moment)
    assert leg is not None
    assert (leg.airline, leg.flight_number, leg.origin) == ("AA", "2", "BOS")
    assert (leg.lands, leg.late_minutes, leg.buffer_minutes) == (f"{DAY}T{lands}", late, buffer)


def test_an_aircraft_that_was_changed_brings_nobody() -> None:
    changed = Tail(**LEG, tail="N2", known_at=f"{DAY}T11:00")
    assert inbound(*TAILS, changed) is None
    assert inbound(TAILS[0]) is None


def test_of_a_flight_that_has_left_nothing_is_awaited() -> None:
    left = Left(**FLIGHT, destination="MIA", at=f"{DAY}T13:20", known_at=f"{DAY}T13:21")
    assert inbound(*TAILS, left, moment=NOON + timedelta(hours=2)) is None


def test_aircraft_are_forgotten_with_their_flights() -> None:
    board = Board()
    later = Tail(
        **FLIGHT | {"scheduled_departure": "2023-04-27T13:00"}, tail="N9", known_at="2023-04-27T10:00"
    )
    board.apply(read_event(event, NOON + timedelta(days=9)) for event in (*TAILS, later))
    assert [flight.origin for flight in board.flown_by("N1")] == ["BOS"]
    assert len(list(board.flown_by("N9"))) == 1
