"""A prediction says what events tell of its flight, as of the cut-off and no later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import running
from api.live.test_events import DAY, FLIGHT, left, send, words

EVENTS = [
    left(50, at="09:02", known_at="09:03", scheduled_departure=f"{DAY}T09:00"),
    left(1),
    {"kind": "cancelled", **FLIGHT, "flight_number": "2", "known_at": f"{DAY}T09:00"},
    {"kind": "arrived", **FLIGHT, "flight_number": "4", "at": f"{DAY}T13:50", "known_at": f"{DAY}T13:55"},
    left(51, at="11:02", known_at="11:03", scheduled_departure=f"{DAY}T11:00"),
]


@pytest.fixture(scope="module")
def client(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(*words(bundle_file, tmp_path_factory.mktemp("state"))) as server:
        assert send(server.client, *EVENTS).raise_for_status().json()["refused"] == []
        yield server.client


def ask(client: httpx.Client, number: int, clock: str, **fields: str) -> dict[str, Any]:
    body = {"flights": [FLIGHT | {"flight_number": str(number)} | fields], "as_of": f"{DAY}T{clock}"}
    (prediction,) = client.post("/predict", json=body).raise_for_status().json()["predictions"]
    assert sum(prediction["bands"].values()) == pytest.approx(1)
    assert prediction["late_probability"] == pytest.approx(1 - prediction["bands"]["0-15"])
    assert isinstance(prediction, dict)
    return prediction


def test_before_anything_is_known_a_prediction_is_as_ever(client: httpx.Client) -> None:
    prediction = ask(client, 1, "08:00")
    assert prediction["state"] == "history"
    assert not {"status", "data_age_seconds"} & prediction.keys()


def test_the_age_of_the_data_is_that_at_the_cut_off(client: httpx.Client) -> None:
    prediction = ask(client, 1, "09:13")
    assert prediction["data_age_seconds"] == 600
    assert "status" not in prediction


def test_a_flight_that_left_late_says_how_late(client: httpx.Client) -> None:
    prediction = ask(client, 1, "10:42")
    assert (prediction["status"], prediction["late"], prediction["horizon_minutes"]) == ("left", False, -12)
    assert (prediction["bands"]["0-15"], prediction["expected_delay_minutes"]) == (1, 11)


def test_a_flight_that_was_cancelled_is_in_the_last_band(client: httpx.Client) -> None:
    prediction = ask(client, 2, "09:30")
    assert (prediction["status"], prediction["bands"]["120+"]) == ("cancelled", 1)


def test_a_flight_that_landed_has_left(client: httpx.Client) -> None:
    assert ask(client, 4, "14:00")["status"] == "arrived"


def test_a_flight_that_is_forty_minutes_overdue_is_never_on_time(client: httpx.Client) -> None:
    before, overdue = ask(client, 3, "10:29"), ask(client, 3, "11:10")
    assert "status" not in before
    assert (overdue["status"], overdue["horizon_minutes"], overdue["late"]) == ("overdue", -40, True)
    assert (overdue["bands"]["0-15"], overdue["bands"]["15-30"]) == (0, 0)
    assert overdue["delay_quantiles"]["p50"] >= 40


def test_of_a_dead_feed_nothing_is_overdue(client: httpx.Client) -> None:
    # The last news is of 11:03.
    assert ask(client, 3, "12:03")["status"] == "overdue"
    assert "status" not in ask(client, 3, "12:04")


def test_what_was_due_before_the_feed_began_may_have_left(client: httpx.Client) -> None:
    assert "status" not in ask(client, 3, "10:50", scheduled_departure=f"{DAY}T08:30")


def test_an_airport_that_nobody_tells_of_is_answered_as_ever(client: httpx.Client) -> None:
    prediction = ask(client, 3, "11:10", origin="EWR")
    assert not {"status", "data_age_seconds"} & prediction.keys()


def test_many_flights_at_once_are_each_as_they_are_alone(client: httpx.Client) -> None:
    flights = [FLIGHT | {"flight_number": str(number)} for number in (1, 2, 3)] * 20
    body = {"flights": flights, "as_of": f"{DAY}T11:10", "reasons": True}
    predictions = client.post("/predict", json=body).raise_for_status().json()["predictions"]
    assert [one["status"] for one in predictions] == ["left", "cancelled", "overdue"] * 20
