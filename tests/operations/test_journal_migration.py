"""A former release's journal is brought up to date by one process, without loss, while that release goes on writing."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from operations.test_journal import line, rows
from puntual.operations import journal_migration
from puntual.operations.journal_database import Database
from puntual.operations.journal_line import COLUMNS, JournalRow
from puntual.operations.journal_migration import MIGRATIONS, migrate
from puntual.operations.journal_schema import PREDICTIONS, REVISIONS, VERSION_TABLE

# As release 0.1.0 wrote it, before there were migrations.
FORMER = """
CREATE TABLE predictions (
    id INTEGER NOT NULL,
    answered VARCHAR(32) NOT NULL,
    request_id VARCHAR(128) NOT NULL,
    as_of VARCHAR(40),
    airline VARCHAR(8) NOT NULL,
    flight_number VARCHAR(8) NOT NULL,
    origin VARCHAR(4) NOT NULL,
    destination VARCHAR(4) NOT NULL,
    scheduled_departure VARCHAR(32) NOT NULL,
    late_probability DOUBLE NOT NULL,
    model VARCHAR(16) NOT NULL,
    PRIMARY KEY (id)
);
"""
FORMER_COLUMNS = ", ".join(COLUMNS[:10])
FORMER_INSERT = f"INSERT INTO predictions ({FORMER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
FORMER_ROWS = [
    ("2026-01-01T12:00:00.000+00:00", "7", None, "AA", "1", "JFK", "MIA", "2026-01-02T09:05", 1 / 3, "0123"),
    ("2026-01-01T12:00:01.500+00:00", "8", "2026-01-01T08:00-03:00", "LA", "226", "SCL", "", "", 5e-324, "f"),
]
ADDED = COLUMNS[10:]


@pytest.fixture
def former(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A journal of the former release, which has it open still."""
    file = tmp_path / "journal.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(FORMER)
        connection.executemany(FORMER_INSERT, FORMER_ROWS)
        yield file, connection


def insert(file: Path, *lines: JournalRow) -> None:
    database = Database(file)
    database.insert(lines)
    database.close()


def revision(file: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()


def test_every_row_of_the_former_release_is_kept_to_the_bit(
    former: tuple[Path, sqlite3.Connection],
) -> None:
    file, _ = former
    insert(file, line(0.5))
    assert rows(file, FORMER_COLUMNS) == [*FORMER_ROWS, line(0.5)[:10]]
    assert rows(file, ", ".join(ADDED)) == [*[(None,) * len(ADDED)] * 2, tuple(line(0.5)[10:])]
    assert revision(file) == [(REVISIONS[-1],)]


def test_the_former_release_goes_on_writing_what_it_knows(former: tuple[Path, sqlite3.Connection]) -> None:
    file, running = former
    insert(file, line(0.5))
    running.executemany(FORMER_INSERT, FORMER_ROWS)
    insert(file, line(0.25))
    assert rows(file, "late_probability") == [(1 / 3,), (5e-324,), (0.5,), (1 / 3,), (5e-324,), (0.25,)]


def test_a_former_journal_is_closed_to_others(former: tuple[Path, sqlite3.Connection]) -> None:
    file, _ = former
    file.chmod(0o644)
    insert(file, line(0.5))
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}


def test_a_migration_that_was_cut_short_is_finished(former: tuple[Path, sqlite3.Connection]) -> None:
    file, connection = former
    connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL)")
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('0001')")
    connection.execute("ALTER TABLE predictions ADD COLUMN key_name VARCHAR(64)")
    insert(file, line(0.5))
    assert rows(file, FORMER_COLUMNS) == [*FORMER_ROWS, line(0.5)[:10]]
    assert revision(file) == [(REVISIONS[-1],)]


def test_a_journal_that_a_newer_release_migrated_is_written_as_it_is(
    former: tuple[Path, sqlite3.Connection],
) -> None:
    file, connection = former
    insert(file, line(0.5))
    connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.execute("ALTER TABLE predictions ADD COLUMN of_the_future TEXT")
    insert(file, line(0.25))
    assert revision(file) == [("9999",)]
    assert rows(file, "late_probability, of_the_future")[2:] == [(0.5, None), (0.25, None)]


def test_of_several_processes_that_start_at_once_one_migrates(
    former: tuple[Path, sqlite3.Connection],
) -> None:
    file, _ = former
    code = """
import sys
from pathlib import Path
from operations.test_journal import line
from puntual.operations import journal_migration
from puntual.operations.journal_database import Database
run = journal_migration._run_migrations
journal_migration._run_migrations = lambda connection: (print("migrated"), run(connection))
print("ready", flush=True)
sys.stdin.readline()
Database(Path(sys.argv[1])).insert([line(0.5)])
"""
    command = [sys.executable, "-c", code, str(file)]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    workers = [subprocess.Popen(command, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    printed = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert sorted(printed) == ["", "", "", "migrated\n"]
    assert len(rows(file, "id")) == 6


def test_alembic_is_not_loaded_where_nothing_has_to_be_migrated(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from operations.test_journal import line
from puntual.operations.journal_database import Database
Database(Path(sys.argv[1])).insert([line(0.5)])
print("alembic" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "journal.db")]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    loaded = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        for _ in range(2)
    ]
    assert loaded == ["False\n", "False\n"]


def described(file: Path) -> dict[str, object]:
    """Describe the tables of a journal by what they hold, in whatever order."""
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        indexes = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'index' ORDER BY sql"
        ).fetchall()
        columns = {
            name: sorted(row[1:] for row in connection.execute(f"PRAGMA table_info({name})"))
            for (name,) in tables
        }
        return {"columns": columns, "indexes": indexes, "revision": revision(file)}


def test_a_new_journal_is_what_the_migrations_would_have_made_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, migrated = tmp_path / "new.db", tmp_path / "migrated.db"
    insert(new)
    monkeypatch.setattr(journal_migration, "_is_empty", lambda _: False)
    insert(migrated)
    assert described(new) == described(migrated)


def test_the_migrations_end_in_the_table_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_migration, "_is_empty", lambda _: False)
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(tmp_path / "journal.db")))
    migrate(engine, tmp_path / "journal.db")
    columns = {column["name"]: column["nullable"] for column in sa.inspect(engine).get_columns("predictions")}
    engine.dispose()
    assert columns == {column.name: column.nullable for column in PREDICTIONS.columns}
    assert {name for name in ADDED if not columns[name]} == set()


def test_every_revision_is_listed_in_its_order() -> None:
    steps = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert tuple(step.revision for step in steps) == REVISIONS[::-1]
    assert journal_migration.MIGRATIONS.is_dir()
