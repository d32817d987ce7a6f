"""The service answers the same where Polars cannot be imported, as in the image."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from api.conftest import FLIGHT, as_requested, running
from puntual.api.auth.api_keys import KeyStore

AS_OF = "2023-04-20T04:00"
SCL = {"Fecha-I": "2023-04-20 10:30", "Vlo-I": 226, "OPERA": "Grupo LATAM", "SIGLADES": "Lima", "MES": None}
CSV, JSON = {"content-type": "text/csv"}, {"content-type": "application/json"}


@pytest.fixture
def without(tmp_path: Path) -> str:
    """A path on which there is a Polars that cannot be imported."""
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "polars.py").write_text('raise ImportError("there is no Polars here")\n')
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def day(made_flights: pl.DataFrame) -> pl.DataFrame:
    return made_flights.filter(pl.col("scheduled_departure").dt.date() == date(2023, 4, 20))


def conversation(
    bundle_file: Path, state: Path, day: pl.DataFrame, file: Path
) -> Iterator[tuple[int, dict[str, str], Any]]:
    """Ask one service all that tables have to do with; give statuses and bodies."""
    key = KeyStore(state).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    words = ("--bundle", str(bundle_file), "--state", str(state), "--timetable", str(file))
    with running(*words) as server:
        client = server.client
        client.headers["x-api-key"] = key

        def outcome(answer: httpx.Response) -> tuple[int, Any]:
            kind = answer.headers["content-type"]
            return answer.status_code, answer.json() if "json" in kind else answer.text

        def on_time(when: str) -> tuple[int, Any]:
            form = {"grant_type": "client_credentials", "client_id": "tower", "client_secret": key}
            token = client.post("/v1/security/oauth2/token", data=form).json()["access_token"]
            status, content = outcome(
                client.get(
                    "/v1/airport/predictions/on-time",
                    params={"airportCode": "JFK", "date": when},
                    headers={"authorization": f"Bearer {token}"},
                )
            )
            # The link names the port.
            return status, content["data"] | content["meta"]["support"]

        table = day.select(*FLIGHT).write_csv(datetime_format="%Y-%m-%dT%H:%M").encode()
        request = {"flights": as_requested(day)[:20], "as_of": AS_OF}
        yield outcome(client.post("/predict", json=request))
        yield on_time("2023-04-20")
        yield outcome(client.put("/timetable", content=table, headers=CSV))
        yield outcome(client.post("/predict", json=request | {"reasons": True}))
        yield on_time("2023-04-20")
        yield on_time("2023-05-03")
        yield outcome(client.put("/timetable", json=as_requested(day)[:9]))
        yield outcome(client.put("/timetable", content=table.replace(b"JFK", b"QQQ"), headers=CSV))
        yield outcome(client.put("/timetable", json=[*as_requested(day), as_requested(day)[0]]))
        yield outcome(client.post("/predict", json={"flights": [SCL], "as_of": AS_OF}))
        yield outcome(client.post("/invocations", content=table, headers=CSV | {"accept": "text/csv"}))
        yield outcome(client.post("/invocations", json={"dataframe_records": [SCL | {"as_of": AS_OF}]}))
        yield outcome(client.post("/invocations", content=b"origin\nQQQ\n", headers=CSV))
        yield outcome(client.get("/models/champion"))


def test_without_polars_every_answer_is_the_same(
    bundle_file: Path,
    tmp_path: Path,
    day: pl.DataFrame,
    without: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "coming.csv"
    day[:30].select(*FLIGHT).write_csv(file, datetime_format="%Y-%m-%dT%H:%M")
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    expected = list(conversation(bundle_file, tmp_path / "with", day, file))
    monkeypatch.setenv("PYTHONPATH", without)
    answers = list(conversation(bundle_file, tmp_path / "without", day, file))
    assert [status for status, _ in expected] == [
        200,
        200,
        200,
        200,
        200,
        200,
        200,
        422,
        422,
        200,
        200,
        200,
        400,
        200,
    ]
    assert answers == expected


def test_a_parquet_file_of_coming_flights_then_asks_for_polars_or_another_format(
    bundle_file: Path, tmp_path: Path, day: pl.DataFrame, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "coming.parquet"
    day.select(*FLIGHT).write_parquet(file)
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--timetable", str(file))
    with running(*words, "--no-auth") as server:
        assert (
            server.client.post("/predict", json={"flights": [FLIGHT]}).json()["predictions"][0]["timetable"]
            == "known"
        )
    monkeypatch.setenv("PYTHONPATH", without)
    with pytest.raises(AssertionError, match=r"Parquet is read by polars.*give CSV or JSON"), running(*words):
        pass


@pytest.mark.parametrize(("path", "status"), [("here", 4), ("without", 3)])
def test_a_workbook_is_read_in_a_process_that_says_what_it_lacks(
    without: str, path: str, status: int
) -> None:
    environment = os.environ | ({"PYTHONPATH": without} if path == "without" else {})
    command = [sys.executable, "-m", "puntual.sources.workbook_csv"]
    ended = subprocess.run(command, input=b"no workbook", env=environment, capture_output=True, check=False)
    assert ended.returncode == status
    assert ended.stdout == b""
