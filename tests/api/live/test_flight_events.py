"""What became known of one flight, in order, and the legs that its aircraft flew before it."""

from datetime import timedelta

import httpx

from api.live.test_inbound import DAY, FLIGHT, LANDED, LEFT_LATE, NOON, TAILS, ZONE
from puntual.api.live.flight_events import FlightEvents, FlightNews, PreviousLeg, known_events
from puntual.operations.board import Board
from puntual.operations.event import FlightKey
from puntual.operations.event_contract import Expected
from puntual.operations.event_reading import read_event

EXPECTED = Expected(**FLIGHT, destination="MIA", expected_departure=f"{DAY}T13:40", known_at=f"{DAY}T12:30")
KEY = FlightKey("AA", "1", "JFK", FLIGHT["scheduled_departure"])


def known(hours_after_noon: float) -> FlightEvents:
    board = Board()
    events = [*TAILS, LEFT_LATE, LANDED, EXPECTED]
    board.apply(read_event(event, NOON + timedelta(days=1)) for event in events)
    return known_events(board, KEY, ZONE, NOON + timedelta(hours=hours_after_noon))


def test_events_are_given_in_order_up_to_the_moment() -> None:
    tail = FlightNews(kind="tail", known_at=f"{DAY}T10:00", tail="N1")
    expected = FlightNews(kind="expected", known_at=f"{DAY}T12:30", expected_departure=f"{DAY}T13:40")
    assert known(0).events == [tail]
    assert known(1).events == [tail, expected]
    assert known(-3).events == []


def test_the_legs_of_the_aircraft_before_it_say_how_late_they_left() -> None:
    leg = {
        "airline": "AA",
        "flight_number": "2",
        "origin": "BOS",
        "destination": "JFK",
        "departs": f"{DAY}T11:10",
    }
    left = {"left_at": f"{DAY}T11:50", "departure_delay_minutes": 40}
    assert known(-1).previous_legs == [PreviousLeg(**leg, status="scheduled")]
    assert known(0).previous_legs == [PreviousLeg(**leg, **left, status="left")]
    assert known(2).previous_legs == [PreviousLeg(**leg, **left, status="arrived", arrived_at=f"{DAY}T13:05")]
    assert known(-3).previous_legs == []


def test_a_flight_that_no_event_told_of_has_neither(client: httpx.Client) -> None:
    flight = {
        "airport": "JFK",
        "airline": "aa",
        "flight_number": "0001",
        "scheduled_departure": f"{DAY}T13:00",
    }
    answer = client.get("/flights/events", params=flight).raise_for_status().json()
    assert answer == {"time_zone": "America/New_York", "events": [], "previous_legs": []}
    assert client.get("/flights/events", params={**flight, "airport": "nowhere"}).status_code == 422
