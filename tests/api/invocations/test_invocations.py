"""`/ping` and `/invocations` answer the clients of SageMaker and MLflow as the contract's own route does."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlflow.models.utils import convert_input_example_to_serving_input
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from api.conftest import Server, as_requested, running
from puntual.api.auth.api_keys import KeyStore

AS_OF = "2023-04-20T08:00"
CHALLENGE = {"OPERA": "Aerolineas Argentinas", "TIPOVUELO": "N", "MES": 3}
Shape = Callable[[list[dict[str, Any]]], Any]
SHAPES: dict[str, Shape] = {
    "dataframe_records": lambda rows: rows,
    "dataframe_split": lambda rows: {
        "columns": list(rows[0]),
        "index": list(range(len(rows))),
        "data": [list(row.values()) for row in rows],
    },
    "inputs": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
    "instances": lambda rows: rows,
}


@pytest.fixture
def some(made_flights: pl.DataFrame) -> list[dict[str, str]]:
    return as_requested(made_flights.sample(12, seed=3))


def native(
    client: httpx.Client, flights: list[dict[str, Any]], as_of: str | None = AS_OF
) -> list[list[float]]:
    answer = client.post("/predict", json={"flights": flights, "as_of": as_of})
    return [
        [
            one["late_probability"],
            *one["bands"].values(),
            one["expected_delay_minutes"],
            *one["delay_quantiles"].values(),
            one["horizon_minutes"],
        ]
        for one in answer.raise_for_status().json()["predictions"]
    ]


def flat(rows: list[dict[str, Any]]) -> list[list[float]]:
    bands = ("band_0-15", "band_15-30", "band_30-60", "band_60-120", "band_120+")
    names = ("late_probability", *bands, "expected_delay_minutes", "p50", "p80", "p95", "horizon_minutes")
    return [[row[name] for name in names] for row in rows]


def as_csv(rows: list[dict[str, Any]]) -> str:
    return pd.DataFrame(rows).to_csv(index=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_rows_gets_the_answers_of_predict_to_the_bit(
    client: httpx.Client, some: list[dict[str, str]], shape: str
) -> None:
    body = {shape: SHAPES[shape](some), "params": {"as_of": AS_OF}}
    answer = client.post("/invocations", json=body)
    assert answer.raise_for_status().headers["content-type"] == "application/json"
    assert flat(answer.json()["predictions"]) == native(client, some)


def test_inputs_may_be_records_and_one_row_may_be_single_cells(
    client: httpx.Client, some: list[dict[str, str]]
) -> None:
    for given, rows in ((some, some), (some[0], some[:1])):
        answer = client.post("/invocations", json={"inputs": given, "params": {"as_of": AS_OF}})
        assert flat(answer.json()["predictions"]) == native(client, rows)


def test_csv_comes_back_as_csv_where_that_is_accepted_as_sagemaker_asks(
    client: httpx.Client, some: list[dict[str, str]]
) -> None:
    body = as_csv([row | {"as_of": AS_OF, "gate": "B7"} for row in some])
    headers = {"content-type": "text/csv; charset=utf-8", "accept": "text/csv"}
    answer = client.post("/invocations", content=body, headers=headers)
    assert answer.raise_for_status().headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    as_json = client.post("/invocations", content=body, headers=headers | {"accept": "*/*"}).json()
    assert [[float(cell) for cell in row] for row in flat(rows)] == native(client, some)
    assert list(rows[0]) == list(as_json["predictions"][0])
    assert {row["late"] for row in rows} <= {"true", "false"}


def test_rows_may_each_have_a_cut_off_of_their_own(client: httpx.Client, some: list[dict[str, str]]) -> None:
    cuts = [AS_OF, "2023-03-01T08:00", None] * 4
    rows = [row | {"as_of": cut} for row, cut in zip(some, cuts, strict=True)]
    answer = client.post("/invocations", json={"instances": rows, "params": {"as_of": "2023-02-01T09:00"}})
    expected = [
        native(client, [row], cut or "2023-02-01T09:00")[0] for row, cut in zip(some, cuts, strict=True)
    ]
    assert flat(answer.json()["predictions"]) == expected


def test_the_words_of_the_santiago_table_are_taken_from_json_and_csv(client: httpx.Client) -> None:
    (one,) = client.post("/invocations", json={"instances": [CHALLENGE]}).json()["predictions"]
    (native_one,) = client.post("/predict", json={"flights": [CHALLENGE]}).json()["predictions"]
    assert one["late_probability"] == native_one["late_probability"]
    assert one["missing"].split() == native_one["missing"]
    # pandas writes months with a point once one of them is missing.
    table = as_csv([CHALLENGE | {"DIA": 1}, {"OPERA": "Sky Airline", "DIA": 2}])
    assert ",3.0," in table
    answer = client.post("/invocations", content=table, headers={"content-type": "text/csv"})
    assert answer.json()["predictions"][0] == one


def test_mlflows_own_client_is_answered(server: Server, some: list[dict[str, str]]) -> None:
    client = ScoringServerClient("127.0.0.1", server.port)
    client.wait_server_ready(timeout=10)
    table = pd.DataFrame(some)
    predictions = client.invoke(table, params={"as_of": AS_OF}).get_predictions()
    assert flat(predictions.to_dict("records")) == native(server.client, some)
    # Times and numbers as pandas holds them.
    typed = table.assign(
        scheduled_departure=pd.to_datetime(table["scheduled_departure"]),
        flight_number=table["flight_number"].astype(int),
    )
    assert client.invoke(typed, params={"as_of": AS_OF}).get_predictions().equals(predictions)
    assert client.invoke(some, params={"as_of": AS_OF}).get_predictions().equals(predictions)


def test_cells_that_pandas_left_empty_are_missing(server: Server) -> None:
    client = ScoringServerClient("127.0.0.1", server.port)
    table = pd.DataFrame([CHALLENGE, {"OPERA": "Sky Airline", "MES": np.nan, "TIPOVUELO": None}])
    predictions = client.invoke(table).get_predictions()
    assert predictions["missing"].tolist() == ["flight_number destination scheduled_departure"] * 2


@pytest.mark.filterwarnings("ignore:Operation with range is deprecated")  # MLflow's own call of pandas.
def test_what_mlflow_builds_of_an_input_example_is_answered(
    client: httpx.Client, some: list[dict[str, str]]
) -> None:
    for example in (
        pd.DataFrame(some),
        {name: np.array([row[name] for row in some]) for name in some[0]},
        some,
    ):
        payload = convert_input_example_to_serving_input(example)
        answer = client.post("/invocations", content=payload, headers={"content-type": "application/json"})
        assert len(answer.raise_for_status().json()["predictions"]) == len(some)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "valid JSON"),
        (b"\xff\xfe\xff", "valid JSON"),
        (b"[" * 100_000, "valid JSON"),
        (b"[]", "exactly one of the input fields"),
        (b"{}", "exactly one of the input fields"),
        (b'{"instances": [], "inputs": []}', "exactly one of the input fields"),
        (b'{"instances": []}', "0 rows; send 1 to 1,000"),
        (b'{"instances": [[1, 2]]}', "expected a list of records, each naming its columns"),
        (b'{"inputs": {"airline": ["AA"], "origin": []}}', "columns of one length"),
        (b'{"inputs": {}}', "columns of one length"),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": []}}', "each once"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "expected lists of 1 cells"),
        (b'{"dataframe_split": [1]}', "the names of its columns"),
        (b'{"instances": [{"OPERA": "Aeroflot"}]}', 'row 1, OPERA: "Aeroflot"; expected one of Aerol'),
        (b'{"instances": [{"MES": 3}, {"MES": Infinity}]}', "row 2, MES"),
        (b'{"instances": [{"MES": 3}], "params": {"as_off": 1}}', "params is"),
        (b'{"instances": [{"MES": 3}], "params": {"as_of": "yesterday, at noon"}}', "as_of: "),
        (b'{"instances": [{"MES": 3}, {"MES": 3, "as_of": {}}]}', "as_of: {}"),
        (b'{"instances": [{"gate": 3}]}', "row 1, destination: nothing; expected required field is missing"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_mlflow_refuses_it(
    client: httpx.Client, body: bytes, message: str
) -> None:
    answer = client.post("/invocations", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert message in answer.json()["message"]


def test_a_bad_cell_is_named_by_its_row_whatever_its_cut_off(
    client: httpx.Client, some: list[dict[str, str]]
) -> None:
    rows = [row | {"as_of": f"2023-03-0{1 + place % 3}T08:00"} for place, row in enumerate(some)]
    rows[7] |= {"origin": "QQQ"}
    answer = client.post("/invocations", json={"instances": rows})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith('row 8, origin: "QQQ"; expected an airport')


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "the file is empty"),
        ("airline,airline\nAA,AA\n", "stands twice"),
        ("airline,origin\nAA\n", "line 2"),
        ("airline,origin\nAA,JFK\n", "row 1, destination: nothing"),
    ],
)
def test_a_bad_table_is_named_by_its_line(client: httpx.Client, table: str, message: str) -> None:
    answer = client.post("/invocations", content=table, headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert message in answer.json()["message"]


def test_another_media_type_and_too_large_a_body_are_refused(client: httpx.Client) -> None:
    other = client.post(
        "/invocations", content=b"x", headers={"content-type": "application/vnd.apache.parquet"}
    )
    assert (other.status_code, other.headers["content-type"].partition(";")[0]) == (415, "text/plain")
    large = client.post(
        "/invocations", content=b" " * 1_048_577, headers={"content-type": "application/json"}
    )
    assert (large.status_code, large.json()["error_code"]) == (413, "BAD_REQUEST")


def test_more_than_a_thousand_rows_are_refused(client: httpx.Client) -> None:
    rows = [CHALLENGE] * 1000
    assert client.post("/invocations", json={"instances": rows}).status_code == 200
    refused = client.post("/invocations", json={"instances": [*rows, CHALLENGE]})
    assert refused.json()["message"] == "1,001 rows; send 1 to 1,000 at once"


def test_without_a_model_neither_ping_nor_invocations_is_answered(tmp_path: Path) -> None:
    with running("--registry", str(tmp_path / "none"), "--state", str(tmp_path), "--no-auth") as server:
        assert server.client.get("/ping").status_code == 503
        answer = server.client.post("/invocations", json={"instances": [CHALLENGE]})
        assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")


def test_ping_is_open_and_invocations_wants_a_key_as_predict_does(bundle_file: Path, tmp_path: Path) -> None:
    token = KeyStore(tmp_path).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        assert server.client.get("/ping").status_code == 200
        body = json.dumps({"instances": [CHALLENGE]})
        headers = {"content-type": "application/json"}
        assert server.client.post("/invocations", content=body, headers=headers).status_code == 401
        headers["x-api-key"] = token
        assert server.client.post("/invocations", content=body, headers=headers).status_code == 200


def test_answers_go_through_the_journal(bundle_file: Path, tmp_path: Path) -> None:
    # Nobody needs a key of a service that this machine alone can reach, as long as there is none.
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        server.client.post("/invocations", json={"instances": [CHALLENGE] * 3}).raise_for_status()
        assert server.metric("puntual_journal_waiting") + server.metric("puntual_journal_written_total") == 3
