"""What the journal took arrives as it was, and what it cannot write is counted and stops nobody."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from puntual.errors import JournalError
from puntual.operations.journal_schema import Line
from puntual.operations.journal_writer import Journal


def line(late: float) -> Line:
    return (
        "2026-01-01T12:00:00.000+00:00",
        "seven",
        None,
        "AA",
        "1",
        "JFK",
        "MIA",
        "2026-01-02T09:05",
        late,
        "0123456789abcdef",
    )


def until(holds: Callable[[], bool]) -> bool:
    for _ in range(150):
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_lines_come_back_to_the_bit(tmp_path: Path) -> None:
    probabilities = [0.1, 1 / 3, 5e-324, 0.9999999999999999]
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    journal.start()
    journal.record_many([line(late) for late in probabilities])
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        rows = database.execute(
            "select late_probability, answered, scheduled_departure from predictions"
        ).fetchall()
    assert [row[0] for row in rows] == probabilities
    assert rows[0][1:] == ("2026-01-01T12:00:00.000+00:00", "2026-01-02T09:05")
    assert (journal.written, journal.lost) == (4, 0)


def test_two_journals_write_one_file(tmp_path: Path) -> None:
    journals = [Journal(f"sqlite:///{tmp_path}/journal.db") for _ in range(2)]
    for journal in journals:
        journal.start()
    for journal in journals:
        journal.record_many([line(0.5)] * 3000)
    for journal in journals:
        journal.close(timeout=20)
    assert [(journal.written, journal.lost) for journal in journals] == [(3000, 0)] * 2


def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    journal.start()
    journal.record_many([line(0.5)])
    assert until(lambda: journal.written == 1)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        journal.record_many([line(0.25)])
        assert until(lambda: journal.error is not None)
        other.execute("commit")
    assert until(lambda: journal.written == 2)
    assert (journal.error, journal.lost) == (None, 0)
    journal.close()


def test_beyond_its_capacity_lines_are_lost_and_counted(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    journal = Journal(f"sqlite:///{tmp_path}/journal.db", capacity=10)
    journal.start()
    for _ in range(30):
        journal.record_many([line(0.5)])
    assert until(lambda: journal.error is not None)
    journal.close()
    assert (journal.written, journal.lost) == (0, 30)


def test_a_url_that_is_none_is_refused_without_showing_its_password() -> None:
    with pytest.raises(JournalError) as told:
        Journal("nonsense://me:secret@host/db")
    assert "secret" not in str(told.value)
