"""While the journal is away events are refused and none is lost, and predictions go on with the age of their data."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.conftest import Server, needs_file_limits, running, until
from api.live.test_events import DAY, FLIGHT, counts, left, numbers, send, stored, words

# Half an hour after flight 1 left.
AS_OF = f"{DAY}T11:12"


@pytest.fixture
def fresh(bundle_file: Path, tmp_path: Path) -> Iterator[Server]:
    with running(*words(bundle_file, tmp_path)) as server:
        send(server.client, left(1)).raise_for_status()
        yield server


def assert_goes_on(client: httpx.Client) -> None:
    """Predictions are answered, and say how old the newest event is that they know of."""
    body = {"as_of": AS_OF, "flights": [FLIGHT | {"flight_number": "2"}]}
    (prediction,) = client.post("/predict", json=body).raise_for_status().json()["predictions"]
    assert prediction["data_age_seconds"] == 30 * 60
    assert numbers(client) == ["1"]


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "none of these is acknowledged, so send them again" in answer.json()["detail"]


@contextmanager
def locked(server: Server, state: Path) -> Iterator[None]:
    del server
    with closing(sqlite3.connect(state / "journal.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("commit")


@contextmanager
def full(server: Server, state: Path) -> Iterator[None]:
    del state
    server.limit_files(1)
    yield
    server.limit_files(2**40)


@pytest.mark.parametrize(
    "away", [locked, pytest.param(full, marks=needs_file_limits)], ids=["locked", "full disk"]
)
def test_what_was_refused_is_taken_once_the_journal_is_back(fresh: Server, tmp_path: Path, away: Any) -> None:
    with away(fresh, tmp_path):
        for _ in range(3):
            assert_refused(send(fresh.client, left(2)))
            assert_goes_on(fresh.client)
    assert until(lambda: send(fresh.client, left(2)).status_code == 200)
    assert counts(send(fresh.client, left(1), left(2))) == (0, 2, [])
    assert stored(tmp_path) == ["1", "2"]


def test_a_batch_that_meets_a_vanished_journal_is_refused_and_the_next_goes_to_a_new_one(
    fresh: Server, tmp_path: Path
) -> None:
    (tmp_path / "journal.db").unlink()
    answer = send(fresh.client, left(2))
    # The journal may have been looked at in between, and be a new one already.
    if answer.status_code != 200:
        assert_refused(answer)
        assert_goes_on(fresh.client)
        assert counts(send(fresh.client, left(2))) == (1, 0, [])
    assert stored(tmp_path) == ["2"]
    assert numbers(fresh.client) == ["1", "2"]


def test_a_backup_that_is_copied_over_the_journal_takes_events_from_then_on(
    fresh: Server, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.db"
    with closing(sqlite3.connect(journal)) as now, closing(sqlite3.connect(tmp_path / "backup.db")) as copy:
        now.backup(copy)
    send(fresh.client, left(2)).raise_for_status()
    journal.write_bytes((tmp_path / "backup.db").read_bytes())
    assert until(lambda: "was overwritten" in fresh.messages.read_text())
    assert until(lambda: send(fresh.client, left(3)).status_code == 200)
    assert stored(tmp_path) == ["1", "3"]


def test_while_a_postgresql_is_away_events_are_refused_and_predictions_go_on(
    bundle_file: Path, tmp_path: Path, postgresql: str, postgresql_server: sa.URL
) -> None:
    name = sa.make_url(postgresql).database
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    with running(*words(bundle_file, tmp_path), journal=postgresql) as server:
        send(server.client, left(1)).raise_for_status()
        run(
            f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        try:
            assert_refused(send(server.client, left(2)))
            assert_goes_on(server.client)
        finally:
            run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert until(lambda: send(server.client, left(2)).status_code == 200)
        assert counts(send(server.client, left(1), left(2))) == (0, 2, [])
    engine.dispose()
