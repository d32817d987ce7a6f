"""Across a change of the clocks minutes are real ones, and a time that is skipped or shown twice is not passed over."""

from typing import Any

import httpx
import pytest

from api.conftest import FLIGHT

# On 13 August 2017 the clocks of Santiago went from 0:00 to 1:00, and on 13 May from 24:00 back to 23:00.
SANTIAGO = FLIGHT | {"origin": "SCL"}
TWICE = "2017-05-13T23:30"


def ask(client: httpx.Client, departure: str, as_of: str | None = None) -> httpx.Response:
    flight = SANTIAGO | {"scheduled_departure": departure}
    return client.post("/predict", json={"flights": [flight], "as_of": as_of})


def predicted(client: httpx.Client, departure: str, as_of: str | None = None) -> dict[str, Any]:
    row: dict[str, Any] = ask(client, departure, as_of).raise_for_status().json()["predictions"][0]
    return row


def codes(row: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in row["warnings"]}


@pytest.mark.parametrize(
    ("departure", "as_of", "minutes"),
    [
        ("2017-08-13T01:30", "2017-08-12T23:30", 60),
        ("2017-05-14T00:30", "2017-05-13T22:30", 180),
        ("2017-08-13T12:00", None, 11 * 60),
        (TWICE, "2017-05-13T22:30", 60),
        (f"{TWICE}-04:00", "2017-05-13T22:30", 120),
    ],
)
def test_the_horizon_is_in_real_minutes(
    client: httpx.Client, departure: str, as_of: str | None, minutes: int
) -> None:
    assert predicted(client, departure, as_of)["horizon_minutes"] == minutes


def test_a_time_that_the_clocks_skip_is_refused(client: httpx.Client) -> None:
    answer = ask(client, "2017-08-13T00:30")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "#/flights/0/scheduled_departure"
    assert "America/Santiago skip this one" in error["expected"]


def test_a_cut_off_that_the_clocks_skip_is_refused(client: httpx.Client) -> None:
    answer = ask(client, "2017-08-13T12:00", "2017-08-13T00:30")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/as_of"]


def test_a_time_that_the_clocks_show_twice_is_the_first_and_says_so(client: httpx.Client) -> None:
    first = predicted(client, TWICE, "2017-05-13T22:30Z")
    assert "time_occurs_twice" in codes(first)
    exact = predicted(client, f"{TWICE}-03:00", "2017-05-13T22:30Z")
    assert first["horizon_minutes"] == exact["horizon_minutes"]
    assert "time_occurs_twice" not in codes(exact)
    assert "time_occurs_twice" not in codes(predicted(client, "2017-05-13T22:30"))


def test_in_the_words_of_the_santiago_table_the_clocks_are_the_same(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"flights": [{"Fecha-I": "2017-08-13 00:30:00"}]})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/flights/0/Fecha-I"]


def test_a_flight_to_where_it_comes_from_is_refused(client: httpx.Client) -> None:
    for flight in (FLIGHT | {"origin": "SCL", "destination": "scel"}, {"Des-I": "SCEL"}):
        answer = client.post("/predict", json={"flights": [flight]})
        assert answer.status_code == 422
        assert "another airport than the origin" in answer.json()["errors"][0]["expected"]


def test_what_the_model_does_not_know_is_a_warning_in_words(client: httpx.Client) -> None:
    row = predicted(client, "2017-08-14T12:00")
    assert codes(row) >= {"unknown_origin", "far_date", "no_history"}
    assert all(warning["message"] for warning in row["warnings"])
    known = client.post("/predict", json={"flights": [FLIGHT]}).json()["predictions"][0]
    assert known["warnings"] == []


def test_history_is_no_reason_of_a_flight_that_has_none(client: httpx.Client) -> None:
    body = {"flights": [FLIGHT, FLIGHT | {"scheduled_departure": "2023-12-20T10:30"}], "reasons": True}
    near, far = client.post("/predict", json=body).raise_for_status().json()["predictions"]
    assert "history" in {reason["group"] for reason in near["reasons"]}
    assert far["history_until"] is None
    assert "history" not in {reason["group"] for reason in far["reasons"]}
