"""The board shows the flights of the timetable and of events, what is known of each, and its prediction."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import running
from api.live.test_events import DAY, FLIGHT, left, send, words

THIRD = FLIGHT | {"flight_number": "3"}
EVENTS = [
    left(1, scheduled_arrival="2023-04-20T13:40"),
    {"kind": "arrived", **FLIGHT, "at": f"{DAY}T13:50", "known_at": f"{DAY}T13:55"},
    {"kind": "cancelled", **FLIGHT, "flight_number": "2", "known_at": f"{DAY}T09:00"},
    {"kind": "expected", **THIRD, "expected_departure": f"{DAY}T11:00", "known_at": f"{DAY}T09:30"},
    {"kind": "expected", **THIRD, "expected_departure": f"{DAY}T11:20", "known_at": f"{DAY}T10:00"},
    {"kind": "tail", **THIRD, "tail": "n1ab", "known_at": f"{DAY}T09:30"},
    {"kind": "weather", "airport": "JFK", "at": f"{DAY}T09:51", "temperature": 51.1, "wind_speed": 20},
]  # fmt: skip
TIMETABLE = [
    FLIGHT,
    FLIGHT | {"flight_number": "9", "scheduled_departure": "2023-04-20T12:00"},
    FLIGHT | {"flight_number": "9", "scheduled_departure": "2023-04-21T12:00"},
    FLIGHT | {"flight_number": "9", "origin": "EWR"},
]


@pytest.fixture(scope="module")
def board(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(*words(bundle_file, tmp_path_factory.mktemp("state"))) as server:
        assert send(server.client, *EVENTS).raise_for_status().json()["refused"] == []
        server.client.put("/timetable", json=TIMETABLE).raise_for_status()
        yield server.client


def ask(client: httpx.Client, **parameters: str) -> dict[str, Any]:
    usual = {"airport": "JFK", "from": DAY, "to": DAY, "as_of": f"{DAY}T10:45"}
    answer: dict[str, Any] = client.get("/flights", params=usual | parameters).raise_for_status().json()
    return answer


def by_number(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {flight["flight_number"]: flight for flight in answer["flights"]}


def test_all_that_was_known_at_a_moment_is_shown_and_nothing_that_came_later(board: httpx.Client) -> None:
    answer = ask(board)
    assert (answer["airport"], answer["as_of"], answer["data_age_seconds"]) == ("JFK", f"{DAY}T10:45", 180)
    flights = by_number(answer)
    late = {number: flight.pop("prediction")["late_probability"] for number, flight in flights.items()}
    assert (late["1"], late["2"]) == (0, 1)
    assert 0 < late["9"] < 1
    common = {"airline": "AA", "origin": "JFK", "destination": "MIA"}
    assert flights == {
        "1": common | {"flight_number": "1", "scheduled_departure": f"{DAY}T10:30", "status": "left",
                       "known_at": f"{DAY}T10:42", "left_at": f"{DAY}T10:41"},
        "2": common | {"flight_number": "2", "scheduled_departure": f"{DAY}T10:30", "status": "cancelled",
                       "known_at": f"{DAY}T09:00", "cancelled_at": f"{DAY}T09:00"},
        "3": common | {"flight_number": "3", "scheduled_departure": f"{DAY}T10:30", "status": "overdue",
                       "known_at": f"{DAY}T10:00", "expected_departure": f"{DAY}T11:20", "revisions": 2,
                       "tail": "N1AB"},
        "9": common | {"flight_number": "9", "scheduled_departure": f"{DAY}T12:00", "status": "scheduled"},
    }  # fmt: skip


def test_an_arrival_is_shown_on_the_clocks_of_the_destination(board: httpx.Client) -> None:
    flight = by_number(ask(board, as_of=f"{DAY}T14:00"))["1"]
    assert (flight["status"], flight["arrived_at"]) == ("arrived", f"{DAY}T13:50")


def test_a_prediction_on_the_board_is_that_of_the_predict_route(board: httpx.Client) -> None:
    request = {"flights": [FLIGHT | {"flight_number": "3"}], "as_of": f"{DAY}T08:45"}
    (prediction,) = board.post("/predict", json=request).raise_for_status().json()["predictions"]
    assert by_number(ask(board, as_of=f"{DAY}T08:45")).keys() == {"1", "9"}
    assert by_number(ask(board, as_of=f"{DAY}T10:00"))["3"]["prediction"]["bands"] == prediction["bands"]


def test_a_period_may_be_a_time_and_other_airports_are_others(board: httpx.Client) -> None:
    assert list(by_number(ask(board, **{"from": f"{DAY}T11:00"}))) == ["9"]
    assert list(by_number(ask(board, airport="KEWR"))) == ["9"]
    assert len(ask(board, to="2023-04-21")["flights"]) == 5
    assert ask(board, airport="SCL")["flights"] == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"airport": "Newark"}, "airport"),
        ({"airport": "QQQ"}, "airport"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2023-02-30"}, "to"),
        ({"from": "2023-04-21"}, "to"),
        ({"to": "2023-04-30"}, "to"),
        ({"as_of": "2023-03-12T02:30"}, "as_of"),
    ],
)
def test_parameters_that_mean_nothing_are_named(
    board: httpx.Client, parameters: dict[str, str], field: str
) -> None:
    usual = {"airport": "JFK", "from": DAY, "to": DAY}
    answer = board.get("/flights", params=usual | parameters)
    assert answer.status_code in (400, 422)
    assert field in answer.json()["detail"]


def test_without_a_period_it_is_about_now(board: httpx.Client) -> None:
    answer = board.get("/flights", params={"airport": "JFK"}).raise_for_status().json()
    assert answer["flights"] == []
    assert answer["data_age_seconds"] > 10_000_000


def test_reasons_are_given_for_those_still_to_leave_that_are_likeliest_late(board: httpx.Client) -> None:
    flights = by_number(ask(board, reasons="1"))
    reasons = {number: "reasons" in flight["prediction"] for number, flight in flights.items()}
    assert reasons == {"1": False, "2": False, "3": True, "9": False}
    plain = by_number(ask(board))
    assert flights["3"]["prediction"]["late_probability"] == plain["3"]["prediction"]["late_probability"]
    refused = board.get("/flights", params={"airport": "JFK", "reasons": "51"})
    assert refused.status_code == 400


def test_a_board_of_no_airport_is_refused_by_the_name_of_what_is_missing(board: httpx.Client) -> None:
    answer = board.get("/flights", params={"from": "2017-10-03"})
    assert answer.status_code == 400
    assert (
        answer.json()["detail"]
        == "Missing required query parameter 'airport'; see /docs for what /flights takes"
    )
