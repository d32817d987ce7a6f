"""The journal in a PostgreSQL: it is written and migrated there, and a line that it refuses stops nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from operations.test_journal import line, until
from operations.test_journal_migration import FORMER, FORMER_ROWS
from puntual.operations import journal_migration
from puntual.operations.journal_line import COLUMNS
from puntual.operations.journal_schema import PREDICTIONS, REVISIONS, VERSION_TABLE
from puntual.operations.journal_writer import Journal

FORMER_POSTGRESQL = FORMER.replace("id INTEGER NOT NULL", "id BIGSERIAL").replace(
    "DOUBLE", "DOUBLE PRECISION"
)


def select(url: str, columns: str, table: str = "predictions") -> list[tuple[Any, ...]]:
    return [tuple(row) for row in run(url, f"SELECT {columns} FROM {table} ORDER BY 1")]


def run(url: str, statement: str, rows: list[tuple[Any, ...]] | None = None) -> list[Any]:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement, rows)
            return list(result) if result.returns_rows else []
    finally:
        engine.dispose()


def test_lines_come_back_to_the_bit(postgresql: str) -> None:
    probabilities = [0.1, 1 / 3, 5e-324, 0.9999999999999999]
    journal = Journal(postgresql)
    journal.start()
    journal.record_many([line(late) for late in probabilities])
    journal.close()
    written = select(postgresql, f"id, {', '.join(COLUMNS)}")
    assert [row[1:] for row in written] == [tuple(line(late)) for late in probabilities]
    assert (journal.written, journal.lost) == (4, 0)


@pytest.mark.parametrize("by_migrations", [True, False])
def test_a_new_journal_has_the_table_that_is_written(
    postgresql: str, by_migrations: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_migrations:
        monkeypatch.setattr(journal_migration, "_is_empty", lambda _: False)
    journal = Journal(postgresql)
    journal.start()
    journal.record_many([line(0.5)])
    journal.close()
    engine = sa.create_engine(postgresql)
    columns = {
        column["name"]: (column["nullable"], getattr(column["type"], "length", None))
        for column in sa.inspect(engine).get_columns("predictions")
    }
    engine.dispose()
    assert columns == {
        column.name: (column.nullable, getattr(column.type, "length", None)) for column in PREDICTIONS.columns
    }


def test_of_two_processes_that_start_at_once_one_migrates_a_former_journal_without_loss(
    postgresql: str,
) -> None:
    run(postgresql, FORMER_POSTGRESQL)
    places = ", ".join(["%s"] * 10)
    statement = f"INSERT INTO predictions ({', '.join(COLUMNS[:10])}) VALUES ({places})"
    run(postgresql, statement, FORMER_ROWS)
    code = """
import sys, time
from operations.test_journal import line
from puntual.operations import journal_migration
from puntual.operations.journal_database import Database
run = journal_migration._run_migrations
def run_slowly(connection):
    print("migrated", flush=True)
    # Long enough for the other to come to the lock.
    time.sleep(1)
    run(connection)
journal_migration._run_migrations = run_slowly
print("ready", flush=True)
sys.stdin.readline()
Database(sys.argv[1]).insert([line(0.5)])
"""
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "env": environment,
    }
    workers = [subprocess.Popen([sys.executable, "-c", code, postgresql], **pipes) for _ in range(2)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    printed = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(printed) == ["", "migrated\n"]
    former = [row[1:] for row in select(postgresql, f"id, {', '.join(COLUMNS[:10])}")]
    assert former == [*FORMER_ROWS, *[tuple(line(0.5)[:10])] * 2]
    assert select(postgresql, "version_num", VERSION_TABLE) == [(REVISIONS[-1],)]


def test_a_line_that_no_column_holds_is_set_aside_and_writing_goes_on(
    postgresql: str, tmp_path: Path
) -> None:
    refused = [
        line(0.5, request_id="x" * 200),
        line(0.5, airline="A\x00"),
        line(0.5, horizon_minutes=2**40),
    ]
    journal = Journal(postgresql, refused=tmp_path / "refused.jsonl")
    journal.start()
    journal.record_many([line(0.125), *refused, line(0.25)])
    assert until(lambda: journal.written == 2)
    journal.record_many([line(0.75)])
    journal.close()
    assert [late for _, late in select(postgresql, "id, late_probability")] == [0.125, 0.25, 0.75]
    assert (journal.written, journal.refused, journal.lost, journal.error) == (3, 3, 0, None)
    kept = [json.loads(text) for text in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [list(one.values())[1:] for one in kept] == [list(one) for one in refused]
    assert "too long" in kept[0]["refused"]
