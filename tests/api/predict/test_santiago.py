"""`POST /predict` in the words of the Santiago table: the same answer, and it says what was missing."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import FLIGHT, running

WORDS = {
    "Fecha-I": "2023-04-20 10:30:00",
    "Vlo-I": "1",
    "Ori-I": "KJFK",
    "Des-I": "KMIA",
    "Emp-I": "AA",
}
CHALLENGE = {"OPERA": "Aerolineas Argentinas", "TIPOVUELO": "N", "MES": 3}
AS_OF = "2023-04-20T08:00"


def predictions_of(client: httpx.Client, *flights: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/predict", json={"flights": flights, "as_of": AS_OF} | more)
    predictions: list[dict[str, Any]] = answer.raise_for_status().json()["predictions"]
    return predictions


def test_a_flight_told_in_full_is_answered_as_in_our_own_words(client: httpx.Client) -> None:
    santiago_words = WORDS | {"OPERA": "Sky Airline", "SIGLADES": "Lima", "TIPOVUELO": "I", "MES": 12}
    for reasons in (False, True):
        native, *words = predictions_of(
            client, FLIGHT, WORDS, santiago_words, WORDS | {"Vlo-I": 1}, reasons=reasons
        )
        assert words == [native] * 3
        assert "missing" not in native


def test_the_classic_payload_is_answered_and_says_what_was_missing(client: httpx.Client) -> None:
    (one,) = predictions_of(client, CHALLENGE)
    assert one["missing"] == ["flight_number", "destination", "scheduled_departure"]
    assert (one["horizon_minutes"], one["timetable"], one["history_until"]) == (None, "unknown", None)
    assert one["support"] == {"airline": 0, "route": 0, "flight": 0}
    assert sum(one["bands"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        ("Emp-I", ["airline"]),
        ("Vlo-I", ["flight_number"]),
        ("Des-I", ["destination"]),
        ("Fecha-I", ["scheduled_departure"]),
    ],
)
def test_each_field_may_be_left_out_or_null(client: httpx.Client, left_out: str, missing: list[str]) -> None:
    flight = {word: cell for word, cell in WORDS.items() if word != left_out}
    absent, null = predictions_of(client, flight, flight | {left_out: None})
    assert absent == null
    assert absent["missing"] == missing
    assert (absent["horizon_minutes"] is None) == (left_out == "Fecha-I")


def test_a_flight_without_a_date_is_the_same_at_every_cut_off(client: httpx.Client) -> None:
    first = predictions_of(client, CHALLENGE)
    for moment in ("1991-01-01T00:00", "2023-04-20T23:00+05:00", "2098-12-31T00:00", None):
        assert predictions_of(client, CHALLENGE, as_of=moment) == first


def test_an_operator_of_several_airlines_and_a_city_of_several_airports_are_not_guessed(
    client: httpx.Client,
) -> None:
    (one,) = predictions_of(
        client, {"OPERA": "Grupo LATAM", "SIGLADES": "Buenos Aires", "Fecha-I": "2023-04-20 10:30"}
    )
    assert one["missing"] == ["airline", "flight_number", "destination"]


def test_both_kinds_of_words_may_stand_in_one_request(client: httpx.Client) -> None:
    together = predictions_of(client, FLIGHT, CHALLENGE, WORDS)
    assert together == [predictions_of(client, flight)[0] for flight in (FLIGHT, CHALLENGE, WORDS)]
    assert ["missing" in one for one in together] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "status", "word", "expected"),
    [
        ({"OPERA": "Aeroflot"}, 400, "OPERA", "one of Aerolineas Argentinas, Aeromexico,"),
        ({"OPERA": 7}, 400, "OPERA", "one of Aerolineas Argentinas"),
        ({"TIPOVUELO": "X"}, 400, "TIPOVUELO", "I (international) or N (national)"),
        ({"MES": 13}, 400, "MES", "a month from 1 to 12"),
        ({"MES": 0}, 400, "MES", "a month from 1 to 12"),
        ({"MES": "3"}, 400, "MES", "a month from 1 to 12"),
        ({"Fecha-O": "2017-01-01 10:00:00"}, 400, "Fecha-O", "no such field; known are Fecha-I"),
        ({"airline": "AA"}, 400, "airline", "no such field"),
        ({"Emp-I": "A A"}, 400, "Emp-I", ""),
        ({"Des-I": ""}, 422, "Des-I", "an airport by its IATA or ICAO code"),
        ({"Ori-I": ""}, 422, "Ori-I", "an airport by its IATA or ICAO code"),
        ({"Des-I": "QQQQ"}, 422, "Des-I", "an airport by its IATA or ICAO code"),
        ({"Fecha-I": "2017-02-30 10:00:00"}, 422, "Fecha-I", "a time that exists"),
        ({"Fecha-I": "2017-02-20"}, 422, "Fecha-I", "a time that exists"),
    ],
)
def test_a_word_that_cannot_be_is_named_by_its_pointer(
    client: httpx.Client, change: dict[str, Any], status: int, word: str, expected: str
) -> None:
    answer = client.post("/predict", json={"flights": [CHALLENGE, CHALLENGE | change]})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/flights/1/{word}"
    assert error["expected"].startswith(expected)


def test_every_bad_word_has_an_entry_beside_those_of_the_request(client: httpx.Client) -> None:
    body = {"flights": [{"OPERA": "X", "MES": 13}, FLIGHT | {"airline": ""}, 3], "why": 1}
    answer = client.post("/predict", json=body)
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/why",
        "#/flights/0/OPERA",
        "#/flights/0/MES",
        "#/flights/1/airline",
        "#/flights/2",
    }


def test_every_word_that_means_nothing_has_an_entry(client: httpx.Client) -> None:
    flights = [{"Des-I": "QQQQ", "Fecha-I": "2017-02-30 10:00:00"}, FLIGHT | {"origin": "QQQ"}]
    answer = client.post("/predict", json={"flights": flights})
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/flights/0/Des-I",
        "#/flights/0/Fecha-I",
        "#/flights/1/origin",
    }


def test_the_journal_keeps_an_empty_word_for_what_was_missing(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth") as server:
        predictions_of(server.client, CHALLENGE)
    # Whatever waits is written down before the service ends.
    names = "airline, flight_number, origin, destination, scheduled_departure"
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        written = journal.execute(f"SELECT {names} FROM predictions").fetchall()
    assert written == [("ARG", "", "SCL", "", "")]
