"""`POST /predict` answers as the predictor does, and says what is wrong with what it cannot answer."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import numpy as np
import polars as pl
import pytest

from api.conftest import as_requested, served
from puntual import Flight, Predictor
from puntual.registry import Bundle, to_bytes

AS_OF = "2013-04-20T08:00"


@pytest.fixture
def some(made_flights: pl.DataFrame) -> pl.DataFrame:
    return made_flights.sample(40, seed=1)


def test_answers_equal_the_predictors_to_the_bit_and_keep_their_order(
    client: httpx.Client, bundle_file: Path, some: pl.DataFrame
) -> None:
    predictor = Predictor.load("models", str(bundle_file), threads=1)
    none_known = some.clear()
    expected = predictor.predict(some, datetime.fromisoformat(AS_OF), timetable_of=none_known, reasons=True)

    answer = client.post("/predict", json={"flights": as_requested(some), "as_of": AS_OF, "reasons": True})

    predictions = answer.raise_for_status().json()["predictions"]
    assert [one["late_probability"] for one in predictions] == expected.late_probability.tolist()
    assert [list(one["bands"].values()) for one in predictions] == expected.bands.tolist()
    assert [one["expected_delay_minutes"] for one in predictions] == expected.expected_minutes.tolist()
    assert [list(one["delay_quantiles"].values()) for one in predictions] == expected.quantiles.tolist()
    assert [one["late"] for one in predictions] == expected.late.tolist()
    assert {one["timetable"] for one in predictions} == {"typical"}
    assert expected.reasons is not None
    # Where there is no history it is no reason.
    reasons = [
        sorted(row if until >= 0 else row[:-1])
        for row, until in zip(expected.reasons.tolist(), expected.history_until.tolist(), strict=True)
    ]
    assert [sorted(reason["effect"] for reason in one["reasons"]) for one in predictions] == reasons


def test_one_by_one_and_all_at_once_are_the_same(client: httpx.Client, some: pl.DataFrame) -> None:
    flights = as_requested(some)
    together = client.post("/predict", json={"flights": flights, "as_of": AS_OF}).json()["predictions"]
    alone = [
        client.post("/predict", json={"flights": [flight], "as_of": AS_OF}).json()["predictions"][0]
        for flight in flights
    ]
    assert alone == together


def test_bands_sum_to_1_and_the_horizon_counts_from_the_cut_off(client: httpx.Client) -> None:
    flight = as_requested(flights_of_one("2013-04-20T10:30:00"))
    predictions = client.post("/predict", json={"flights": flight, "as_of": AS_OF}).json()["predictions"][0]
    assert sum(predictions["bands"].values()) == pytest.approx(1, abs=1e-12)
    assert predictions["horizon_minutes"] == 150


def test_an_unknown_airline_is_answered_with_its_low_support(client: httpx.Client) -> None:
    flight = as_requested(flights_of_one("2013-04-20T10:30:00"))[0] | {"airline": "XX"}
    answer = client.post("/predict", json={"flights": [flight]})
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["support"]["airline"] == 0


@pytest.mark.parametrize("absent", [["airline"], ["flight_number"], ["airline", "flight_number"]])
def test_an_airline_or_a_number_that_is_not_given_is_unknown_and_named(
    client: httpx.Client, bundle_file: Path, some: pl.DataFrame, absent: list[str]
) -> None:
    unknown = some.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    predictor = Predictor.load("models", str(bundle_file), threads=1)
    expected = predictor.predict(unknown, datetime.fromisoformat(AS_OF), timetable_of=some.clear())
    flights = [{name: text for name, text in one.items() if name not in absent} for one in as_requested(some)]
    answer = client.post("/predict", json={"flights": flights, "as_of": AS_OF})
    predictions = answer.raise_for_status().json()["predictions"]
    assert [one["late_probability"] for one in predictions] == expected.late_probability.tolist()
    assert {tuple(one["missing"]) for one in predictions} == {tuple(absent)}
    assert {one["support"]["flight"] for one in predictions} == {0}


def test_a_model_of_flights_without_airlines_answers_alike_with_and_without_one(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    manifest = msgspec.structs.replace(made_bundle.manifest, absent=("airline", "flight_number"))
    version, content = to_bytes(replace(made_bundle, manifest=manifest))
    (tmp_path / f"{version}.puntual").write_bytes(content)
    (flight,) = as_requested(flights_of_one("2023-04-20T10:30:00"))
    bare = {name: text for name, text in flight.items() if name not in ("airline", "flight_number")}
    words = "--bundle", str(tmp_path / f"{version}.puntual"), "--state", str(tmp_path), "--no-auth"
    with served(*words) as client:
        with_one, without = (
            client.post("/predict", json={"flights": [one], "as_of": "2023-04-20T08:00"}).json()[
                "predictions"
            ][0]
            for one in (flight, bare)
        )
    assert without.pop("missing") == ["airline", "flight_number"]
    assert with_one == without
    assert with_one["support"] == {"airline": 0, "route": 0, "flight": 0}


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"origin": "QQQ"}, 422, "#/flights/0/origin"),
        ({"scheduled_departure": "2013-02-30T10:00"}, 422, "#/flights/0/scheduled_departure"),
        ({"scheduled_departure": "2013-02-20"}, 422, "#/flights/0/scheduled_departure"),
        ({"airline": 7}, 400, "#/flights/0/airline"),
        ({"airlin": "AA"}, 400, "#/flights/0/airlin"),
    ],
)
def test_a_bad_field_is_named_by_its_pointer(
    client: httpx.Client, change: dict[str, object], status: int, pointer: str
) -> None:
    flight = as_requested(flights_of_one("2013-04-20T10:30:00"))[0] | change
    answer = client.post("/predict", json={"flights": [flight]})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_an_airport_that_nobody_lists_is_answered_where_the_model_knows_it(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    seen = {"code": np.array(["QQQ", "QQQQ"]), "time_zone": np.array(["", "America/Lima"])}
    version, content = to_bytes(
        replace(made_bundle, tables={**made_bundle.tables, "unlisted_airports": seen})
    )
    (tmp_path / f"{version}.puntual").write_bytes(content)
    flight = as_requested(flights_of_one("2013-04-20T10:30:00"))[0]
    words = {"Vlo-I": "1", "Des-I": "qqq", "Emp-I": "AA", "Fecha-I": "2013-04-20 10:30:00"}
    with served(
        "--bundle", str(tmp_path / f"{version}.puntual"), "--state", str(tmp_path), "--no-auth"
    ) as client:

        def status(**fields: str) -> int:
            return client.post("/predict", json={"flights": [flight | fields]}).status_code

        assert status(destination="QQQ") == status(origin="qqqq") == status(destination="SEQU") == 200
        assert client.post("/predict", json={"flights": [words]}).status_code == 200
        assert status(destination="ZZZZ") == status(destination="Atlantis") == 422
        refused = client.post("/predict", json={"flights": [flight | {"origin": "QQQ"}]})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["expected"].startswith("an origin whose time zone is known")
        far = [status(scheduled_departure=f"{day}T10:30") for day in ("9999-12-31", "0001-01-01")]
        assert far == [422, 422]
        table = "airline,flight_number,origin,destination,scheduled_departure\n"
        coming = client.put(
            "/timetable",
            content=table + "AA,1,JFK,ZZZZ,2030-01-01 10:00\n",
            headers={"content-type": "text/csv"},
        )
        assert coming.status_code == 200 and "airport 'ZZZZ' is listed neither" in coming.json()["notes"][0]
        for day in ("9999-12-31", "0001-01-01"):
            text = table + f"AA,1,JFK,MIA,{day} 10:00\n"
            answer = client.put("/timetable", content=text, headers={"content-type": "text/csv"})
            assert answer.status_code in (400, 422) and f"'{day} 10:00'" in answer.text


def test_every_bad_field_has_an_entry(client: httpx.Client) -> None:
    answer = client.post(
        "/predict", json={"flights": [{"airline": "", "flight_number": 7}, 3], "as_of": 5, "why": True}
    )
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/as_of",
        "#/why",
        "#/flights/1",
        *(
            f"#/flights/0/{name}"
            for name in ("airline", "flight_number", "origin", "destination", "scheduled_departure")
        ),
    }


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"a=1", "text/plain", 415),
        (b'{"flights": []}', "application/json", 400),
        (b" " * 1_048_577, "application/json", 413),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    client: httpx.Client, body: bytes, kind: str, status: int
) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_more_than_a_thousand_flights_are_refused(client: httpx.Client) -> None:
    flight = as_requested(flights_of_one("2013-04-20T10:30:00"))[0]
    assert client.post("/predict", json={"flights": [flight] * 1000}).status_code == 200
    refused = client.post("/predict", json={"flights": [flight] * 1001})
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/flights"]


def flights_of_one(departure: str) -> pl.DataFrame:
    return pl.DataFrame(
        [Flight("AA", "1", "JFK", "MIA", datetime.fromisoformat(departure))],
    )
