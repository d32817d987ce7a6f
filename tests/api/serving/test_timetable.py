"""The coming flights are taken whole or not at all, and congestion is counted among them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from api.conftest import as_requested, needs_file_limits, running, served, until
from puntual import Predictor
from puntual.api.auth.api_keys import KeyStore

CSV, JSON = {"content-type": "text/csv"}, {"content-type": "application/json"}
AS_OF = "2023-04-20T04:00"
NAMES = ("airline", "flight_number", "origin", "destination", "scheduled_departure")


@pytest.fixture(scope="module")
def day(made_flights: pl.DataFrame) -> pl.DataFrame:
    """A day with twice the flights that a usual one has."""
    usual = made_flights.filter(pl.col("scheduled_departure").dt.date() == date(2023, 4, 20))
    return pl.concat([usual, usual.with_columns(flight_number=pl.lit("9") + pl.col("flight_number"))])


@pytest.fixture(scope="module")
def expected(bundle_file: Path, day: pl.DataFrame) -> dict[str, list[float]]:
    """What is said of the day's flights with its timetable known, and with that of a typical week."""
    predictor = Predictor.load("models", str(bundle_file), threads=1)
    moment = datetime.fromisoformat(AS_OF)
    return {
        "known": predictor.predict(day, moment, timetable_of=day).late_probability.tolist(),
        "typical": predictor.predict(day, moment, timetable_of=day.clear()).late_probability.tolist(),
    }


@pytest.fixture
def client(bundle_file: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth") as served_client:
        yield served_client


def answer_for(client: httpx.Client, day: pl.DataFrame) -> tuple[str, list[float]]:
    answer = client.post("/predict", json={"flights": as_requested(day), "as_of": AS_OF})
    predictions = answer.raise_for_status().json()["predictions"]
    (timetable,) = {one["timetable"] for one in predictions}
    return timetable, [one["late_probability"] for one in predictions]


def csv_of(day: pl.DataFrame) -> bytes:
    return day.select(NAMES).write_csv(datetime_format="%Y-%m-%dT%H:%M").encode()


def test_with_the_timetable_answers_are_the_predictors_to_the_bit(
    client: httpx.Client, day: pl.DataFrame, expected: dict[str, list[float]]
) -> None:
    assert expected["known"] != expected["typical"]
    assert answer_for(client, day) == ("typical", expected["typical"])
    taken = client.put("/timetable", content=csv_of(day), headers=CSV)
    assert taken.json() == {
        "flights": 60,
        "airports": ["EWR", "JFK"],
        "days": ["2023-04-20"],
        "notes": [],
    }
    assert answer_for(client, day) == ("known", expected["known"])
    assert client.put("/timetable", json=as_requested(day)[:1]).status_code == 200
    assert client.put("/timetable", json=as_requested(day)).json()["flights"] == 60
    assert answer_for(client, day) == ("known", expected["known"])


BAD = [
    (CSV, b"airline,flight_number\nAA,1\n", "'origin' is missing"),
    (CSV, b"", "empty"),
    (JSON, b"[]", "no flights"),
    (JSON, b"[{", "not JSON"),
    (JSON, b"[1]", "row 1"),
]


def changed(day: pl.DataFrame, **fields: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [*as_requested(day)]
    rows[6] = rows[6] | fields
    return rows


def test_a_bad_row_is_named_and_nothing_is_loaded(
    client: httpx.Client, day: pl.DataFrame, expected: dict[str, list[float]]
) -> None:
    client.put("/timetable", content=csv_of(day), headers=CSV).raise_for_status()
    text = csv_of(day).splitlines(keepends=True)
    text[7] = text[7].replace(b"2023-04-20T", b"2023-02-30T")
    bad = [
        *BAD,
        (CSV, b"".join(text), "line 8, column 'scheduled_departure'"),
        (JSON, json.dumps(changed(day, origin="QQQ")).encode(), "row 7, column 'origin'"),
        (JSON, json.dumps(changed(day, airline="A\0")).encode(), "row 7, column 'airline'"),
        (
            JSON,
            json.dumps(changed(day, destination=as_requested(day)[6]["origin"])).encode(),
            "row 7, column 'dest",
        ),
        (
            JSON,
            json.dumps(changed(day, scheduled_departure="2023-03-12T02:30")).encode(),
            "New_York skip this",
        ),
        (JSON, json.dumps([*as_requested(day), as_requested(day)[0]]).encode(), "row 61"),
    ]
    for headers, body, why in bad:
        refused = client.put("/timetable", content=body, headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
        assert why in refused.json()["detail"]
        assert answer_for(client, day) == ("known", expected["known"])


def test_a_table_in_another_format_is_refused(client: httpx.Client) -> None:
    refused = client.put("/timetable", content=b"x", headers={"content-type": "application/xml"})
    assert refused.status_code == 415
    assert "text/csv or application/json" in refused.json()["detail"]


def test_a_file_may_be_given_on_starting_and_all_workers_follow_the_next_one(
    bundle_file: Path, tmp_path: Path, day: pl.DataFrame, expected: dict[str, list[float]]
) -> None:
    file = tmp_path / "coming.csv"
    file.write_bytes(csv_of(day))
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--timetable", str(file))
    with running(*words, "--no-auth", workers="2", poll="0.1") as server:

        def of_many() -> set[str]:
            # Each on a connection of its own, so that either worker may take it.
            answers = set()
            for _ in range(12):
                with httpx.Client(base_url=server.url, timeout=60) as client:
                    answers.add(answer_for(client, day)[0])
            return answers

        assert answer_for(server.client, day) == ("known", expected["known"])
        assert of_many() == {"known"}
        another = day.with_columns(pl.col("scheduled_departure").dt.offset_by("1d"))
        server.client.put("/timetable", content=csv_of(another), headers=CSV).raise_for_status()
        assert until(lambda: of_many() == {"typical"})


def test_a_file_with_a_bad_row_is_not_begun_with(
    bundle_file: Path, tmp_path: Path, day: pl.DataFrame
) -> None:
    file = tmp_path / "coming.csv"
    file.write_bytes(csv_of(day).replace(b"JFK", b"QQQ"))
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--timetable", str(file))
    with pytest.raises(AssertionError, match="'QQQ' is listed neither"), served(*words):
        pass
    assert not (tmp_path / "timetable.msgpack").exists()


@pytest.mark.parametrize("damage", [b"", b"\x80", b"\x86 no longer"])
def test_a_timetable_that_was_damaged_on_disk_counts_as_none(
    bundle_file: Path, tmp_path: Path, day: pl.DataFrame, damage: bytes
) -> None:
    (tmp_path / "timetable.msgpack").write_bytes(damage)
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        assert answer_for(server.client, day)[0] == "typical"
        assert "timetable.msgpack cannot be read" in server.messages.read_text()


@needs_file_limits
def test_where_it_cannot_be_written_the_former_timetable_goes_on(
    bundle_file: Path, tmp_path: Path, day: pl.DataFrame
) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth")
    with running(*words, journal="off", timetable_limit="20000") as server:
        server.client.put("/timetable", content=csv_of(day), headers=CSV).raise_for_status()
        server.limit_files(1)
        refused = server.client.put("/timetable", content=csv_of(day[:1]), headers=CSV)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert answer_for(server.client, day)[0] == "known"
        # Nothing half-written stays beside what the service keeps.
        kept = {path.name for path in tmp_path.iterdir()}
        assert kept == {"timetable.msgpack", "token-secret", ".token-secret.lock"}
        large = server.client.put("/timetable", content=csv_of(day) * 100, headers=CSV)
        assert large.status_code == 413
        assert "20,000 bytes" in large.json()["detail"]


# Slashes that lead to the same route must lead past the same guard.
@pytest.mark.parametrize(
    "path", ["/timetable", "/timetable/", "//timetable", "/timetable//", "/%74imetable/"]
)
def test_only_who_has_a_key_tells_the_timetable_by_whatever_path(
    day: pl.DataFrame, keyed: tuple[str, str], path: str
) -> None:
    url, token = keyed
    body = csv_of(day)
    assert httpx.put(f"{url}{path}", content=body, headers=CSV).status_code == 401
    assert (
        httpx.put(f"{url}{path}", content=body, headers=CSV | {"x-api-key": token + "x"}).status_code == 401
    )
    assert httpx.put(f"{url}{path}", content=body, headers=CSV | {"x-api-key": token}).status_code == 200


@pytest.fixture(scope="module")
def keyed(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    state = tmp_path_factory.mktemp("state")
    token = KeyStore(state).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    with running("--bundle", str(bundle_file), "--state", str(state)) as server:
        yield server.url, token


def test_what_is_kept_is_given_back_whole_or_by_airport_and_day(
    client: httpx.Client, day: pl.DataFrame
) -> None:
    another = day.with_columns(pl.col("scheduled_departure").dt.offset_by("1d"))
    client.put("/timetable", content=csv_of(pl.concat([day, another])), headers=CSV).raise_for_status()

    everything = client.get("/timetable").raise_for_status().json()
    some = client.get("/timetable", params={"airport": "KJFK", "day": "2023-04-21"}).json()

    assert len(everything) == 120
    assert in_order(some) == in_order(
        [
            flight | {"scheduled_departure": flight["scheduled_departure"][:16]}
            for flight in as_requested(another)
            if flight["origin"] == "JFK"
        ]
    )
    table = client.get("/timetable", headers={"accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert client.put("/timetable", content=table.content, headers=CSV).json()["flights"] == 120
    assert client.get("/timetable").json() == everything


def test_flights_whose_airline_is_not_known_count_for_their_airport_and_are_given_back_as_they_came(
    client: httpx.Client, day: pl.DataFrame
) -> None:
    names = ["origin", "destination", "scheduled_departure"]
    table = day.select(names).write_csv(datetime_format="%Y-%m-%dT%H:%M").encode()
    noted = client.put("/timetable", content=table, headers=CSV).raise_for_status().json()["notes"]
    assert noted[0] == "flights without airline, which count for their airport alone: 60"
    kept = client.get("/timetable").json()
    assert {(flight["airline"], flight["flight_number"]) for flight in kept} == {(None, None)}
    assert answer_for(client, day)[0] == "known"
    for kind in ("text/csv", "application/json"):
        given = client.get("/timetable", headers={"accept": kind}).content
        client.put("/timetable", content=given, headers={"content-type": kind}).raise_for_status()
        assert client.get("/timetable").json() == kept


def in_order(flights: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(flights, key=lambda flight: sorted(flight.items()))


def test_before_a_timetable_is_put_there_is_none_and_a_bad_filter_is_named(client: httpx.Client) -> None:
    assert client.get("/timetable").json() == []
    unknown = client.get("/timetable", params={"airport": "QQQ"})
    assert (unknown.status_code, "QQQ" in unknown.json()["detail"]) == (422, True)
    no_day = client.get("/timetable", params={"day": "tomorrow"})
    assert no_day.status_code == 400
    assert no_day.json()["detail"] == (
        'day "tomorrow" is no date; expected one such as 2017-10-03; correct it, or leave it out'
    )


def test_reading_the_timetable_needs_the_key_that_writing_it_does(
    bundle_file: Path, tmp_path: Path, keyed: tuple[str, str]
) -> None:
    with served("--bundle", str(bundle_file), "--state", str(tmp_path)) as without_any_key:
        assert without_any_key.get("/timetable").status_code == 401
    url, token = keyed
    assert httpx.get(f"{url}/timetable").status_code == 401
    assert httpx.get(f"{url}/timetable", headers={"x-api-key": token}).status_code == 200
