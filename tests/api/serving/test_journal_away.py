"""Every prediction reaches the journal, and while the journal cannot be written answers go on."""

import re
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from api.conftest import FLIGHT, Server, as_requested, needs_file_limits, running, until
from puntual.api.auth.api_keys import KeyStore
from puntual.operations.journal_schema import PREDICTIONS

WRITTEN, LOST, WAITING, FAILURES = (
    f"puntual_journal_{name}" for name in ("written_total", "lost_total", "waiting", "failures_total")
)


def ask(server: Server, times: int = 1, flights: int = 1) -> None:
    for _ in range(times):
        answer = server.client.post("/predict", json={"flights": [FLIGHT] * flights})
        assert answer.status_code == 200


def rows(database: Path, columns: str = "count(*)") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as journal:
        return journal.execute(f"select {columns} from predictions order by id").fetchall()


def test_each_flight_is_written_with_what_was_said_of_it(
    bundle_file: Path, tmp_path: Path, made_flights: pl.DataFrame
) -> None:
    some = as_requested(made_flights.sample(30, seed=3))
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), workers="2") as server:
        probabilities = []
        for flight in some:
            body = {"flights": [flight], "as_of": "2023-04-20T08:00"}
            answer = server.client.post("/predict", json=body, headers={"connection": "close"})
            probabilities.append(answer.raise_for_status().json()["predictions"][0]["late_probability"])
    columns = "airline, flight_number, origin, destination, as_of, model, late_probability"
    expected = [
        (*list(flight.values())[:4], "2023-04-20T08:00", bundle_file.stem, late)
        for flight, late in zip(some, probabilities, strict=True)
    ]
    assert sorted(rows(tmp_path / "journal.db", columns), key=str) == sorted(expected, key=str)


def test_a_row_holds_the_whole_prediction_and_for_whose_key_it_was_made(
    bundle_file: Path, tmp_path: Path
) -> None:
    token = KeyStore(tmp_path).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    headers = {"x-api-key": token, "x-request-id": "seven"}
    early = {"flights": [FLIGHT], "as_of": "1990-01-01T08:00"}
    late = {"flights": [FLIGHT], "as_of": f"{FLIGHT['scheduled_departure'][:10]}T00:30"}
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        answers = [
            server.client.post("/predict", json=body, headers=headers)
            .raise_for_status()
            .json()["predictions"][0]
            for body in (early, late)
        ]
    columns = (
        "request_id, key_name, model, state_of_knowledge, cut_off, horizon_minutes, history_until, band_up_to_15, "
        "band_15_to_30, band_30_to_60, band_60_to_120, band_over_120_or_cancelled"
    )
    assert rows(tmp_path / "journal.db", columns) == [
        (
            *("seven", "tower", bundle_file.stem, state, body["as_of"]),
            *(answer["horizon_minutes"], answer["history_until"]),
            *answer["bands"].values(),
        )
        for state, body, answer in zip(("timetable", "history"), (early, late), answers, strict=True)
    ]


def test_where_no_key_is_needed_a_row_names_none(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        ask(server)
    assert rows(tmp_path / "journal.db", "key_name, peer") == [("anonymous", "127.0.0.1")]


def test_while_the_database_is_away_predictions_wait_and_then_are_written(
    bundle_file: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.write_text("where a folder should be")
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, journal=f"sqlite:///{away}/journal.db") as server:
        ask(server, times=5)
        assert until(lambda: server.metric(FAILURES) > 0)
        assert [server.metric(name) for name in (WRITTEN, LOST, WAITING)] == [0, 0, 5]
        away.unlink()
        assert until(lambda: server.metric(WRITTEN) == 5)
        assert [server.metric(name) for name in (LOST, WAITING)] == [0, 0]
    assert rows(away / "journal.db") == [(5,)]


@needs_file_limits
def test_when_the_disk_is_full_predictions_wait_until_there_is_room(
    bundle_file: Path, tmp_path: Path
) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        ask(server)
        assert until(lambda: server.metric(WRITTEN) == 1)
        server.limit_files(1)
        ask(server, times=3, flights=100)
        assert until(lambda: server.metric(FAILURES) > 0)
        assert server.metric(WAITING) == 300
        server.limit_files(2**40)
        assert until(lambda: server.metric(WRITTEN) == 301)
        assert [server.metric(name) for name in (LOST, WAITING)] == [0, 0]
        # The access log could not be written either, and can be again.
        assert until(lambda: server.logged()[-1]["path"] == "/metrics")
    assert rows(tmp_path / "journal.db") == [(301,)]


def test_what_waits_has_a_limit_beyond_which_predictions_are_counted_as_lost(
    bundle_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "journal.db").mkdir()
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        ask(server, times=102, flights=1000)
        assert server.metric(WRITTEN) == 0
        assert server.metric(LOST) >= 2000
        assert server.metric(LOST) + server.metric(WAITING) == 102_000


def test_of_a_database_away_the_log_tells_once_and_shows_no_password(
    bundle_file: Path, tmp_path: Path
) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    url = f"sqlite:///{tmp_path}/a-file/journal.db"
    (tmp_path / "a-file").touch()
    with running(*words, journal=url) as server:
        ask(server)
        assert until(lambda: "cannot be written" in server.messages.read_text())
        ask(server)
        failures = server.metric(FAILURES)
        assert until(lambda: server.metric(FAILURES) > failures)
        assert server.metric(WAITING) == 2
        assert len(re.findall("cannot be written", server.messages.read_text())) == 1


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
@pytest.mark.parametrize("request_id", ["x" * 200, "x" * 129, "a b"])
def test_an_id_that_the_journal_could_not_hold_is_replaced_at_the_door(
    server: Server, path: str, request_id: str
) -> None:
    body = {"flights": [FLIGHT]} if path == "/predict" else {"instances": [FLIGHT]}
    answer = server.client.post(path, json=body, headers={"x-request-id": request_id})
    given = answer.raise_for_status().headers["x-request-id"]
    assert given != request_id
    assert 1 <= len(given) <= 128


def test_what_a_killed_service_loses_is_the_newest_alone(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        ask(server, times=50)
        assert until(lambda: server.metric(WRITTEN) == 50)
        for number in range(300):
            headers = {"x-request-id": str(number)}
            server.client.post("/predict", json={"flights": [FLIGHT]}, headers=headers).raise_for_status()
        server.signal(signal.SIGKILL)
        server.process.wait()
    ids = [request_id for (request_id,) in rows(tmp_path / "journal.db", "request_id")][50:]
    assert ids == [str(number) for number in range(len(ids))]


def test_a_line_that_the_database_refuses_is_counted_and_the_next_ones_are_written(
    bundle_file: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        # A column that the database checks more strictly than the contract does.
        statement = str(CreateTable(PREDICTIONS).compile(dialect=sqlite.dialect()))
        strict = statement.replace(
            "request_id VARCHAR(128) NOT NULL", "request_id TEXT CHECK (request_id <> 'seven')"
        )
        assert strict != statement
        journal.execute(strict)
        journal.commit()
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        for request_id in ("six", "seven", "eight"):
            headers = {"x-request-id": request_id}
            server.client.post("/predict", json={"flights": [FLIGHT]}, headers=headers).raise_for_status()
        assert until(lambda: server.metric(WRITTEN) == 2)
        assert server.metric("puntual_journal_refused_total") == 1
        assert [server.metric(name) for name in (LOST, WAITING, FAILURES)] == [0, 0, 0]
    assert rows(tmp_path / "journal.db", "request_id") == [("six",), ("eight",)]
    assert '"request_id": "seven"' in (tmp_path / "journal.refused.jsonl").read_text()


def test_a_deleted_database_is_begun_anew(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        ask(server)
        assert until(lambda: server.metric(WRITTEN) == 1)
        (tmp_path / "journal.db").unlink()
        assert until(lambda: "was deleted or replaced" in server.messages.read_text())
        ask(server, times=2)
        assert until(lambda: server.metric(WRITTEN) == 3)
    assert rows(tmp_path / "journal.db") == [(2,)]
