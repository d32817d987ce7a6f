"""A line that the database refuses is set aside and reported, and a database that is swapped under us is noticed."""

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from operations.test_journal import line, rows, until
from puntual.errors import JournalError
from puntual.operations.journal_database import Database
from puntual.operations.journal_line import COLUMNS, Line
from puntual.operations.journal_writer import Journal

# Text that no encoding writes, a number beyond 64 bits, and nothing where something must be.
REFUSED = [
    line(0.5, request_id="\ud800"),
    line(0.5, horizon_minutes=2**70),
    line(0.5, origin=None),
]


@pytest.mark.parametrize("refused", REFUSED, ids=["surrogate", "number", "null"])
def test_a_refused_line_is_set_aside_and_those_around_it_are_written_in_their_order(
    tmp_path: Path, refused: Line, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.start()
    around = [line(number / 512) for number in range(250)]
    journal.record_many([*around[:100], refused, *around[100:]])
    assert until(lambda: journal.written == 250)
    journal.record_many([line(0.75)])
    journal.close()
    late = [probability for (probability,) in rows(tmp_path / "journal.db", "late_probability")]
    assert late == [*(number / 512 for number in range(250)), 0.75]
    assert (journal.written, journal.refused, journal.lost, journal.error) == (251, 1, 0, None)
    file = tmp_path / "journal.refused.jsonl"
    (kept,) = map(json.loads, file.read_text().splitlines())
    assert kept.pop("refused")
    assert kept == dict(zip(COLUMNS, refused, strict=True))
    assert file.stat().st_mode & 0o777 == 0o600
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "refused the prediction of request" in message
    assert str(file) in message


def test_a_refused_line_that_can_be_kept_nowhere_is_counted_as_lost(tmp_path: Path) -> None:
    (tmp_path / "journal.refused.jsonl").mkdir()
    journal = Journal(tmp_path / "journal.db")
    journal.start()
    journal.record_many([REFUSED[0], line(0.5)])
    journal.close()
    assert (journal.written, journal.refused, journal.lost) == (1, 1, 1)


def test_what_comes_after_the_database_goes_away_amid_refusals_is_written_once_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, calls = Database.insert, 0

    def insert_or_fail(database: Database, lines: list[object]) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise sqlite3.OperationalError("the database is away")
        insert(database, lines)

    monkeypatch.setattr(Database, "insert", insert_or_fail)
    journal = Journal(tmp_path / "journal.db")
    journal.start()
    journal.record_many([line(0.125), line(0.25), REFUSED[0], line(0.5), line(0.75)])
    assert until(lambda: journal.written == 4)
    journal.close()
    late = [probability for (probability,) in rows(tmp_path / "journal.db", "late_probability")]
    assert late == [0.125, 0.25, 0.5, 0.75]
    assert (journal.refused, journal.lost, journal.failures) == (1, 0, 1)


@pytest.mark.parametrize("replace", [False, True], ids=["deleted", "replaced"])
def test_a_file_that_is_deleted_or_replaced_is_noticed_and_writing_goes_on_in_the_one_of_its_name(
    tmp_path: Path, replace: bool, caplog: pytest.LogCaptureFixture
) -> None:
    file, other = tmp_path / "journal.db", tmp_path / "other.db"
    database = Database(other)
    database.insert([line(0.0625)])
    database.close()
    journal = Journal(file)
    journal.start()
    journal.record_many([line(0.25)] * 500)
    assert until(lambda: journal.written == 500)
    if replace:
        file.rename(tmp_path / "moved.db")
        other.rename(file)
    else:
        file.unlink()
    # Without a prediction to write it is noticed as well.
    assert until(lambda: "was deleted or replaced" in caplog.text)
    journal.record_many([line(0.75)])
    journal.close()
    assert rows(file, "late_probability") == [*[(0.0625,)] * replace, (0.75,)]
    if replace:
        # What had been written is in the file that was moved away, whole.
        assert rows(tmp_path / "moved.db", "late_probability") == [(0.25,)] * 500
    with closing(sqlite3.connect(file)) as written:
        assert written.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert (journal.written, journal.lost) == (501, 0)


def test_what_is_lost_at_the_end_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal.db").mkdir()
    journal = Journal(tmp_path / "journal.db")
    journal.start()
    journal.record_many([line(0.5)] * 7)
    journal.close()
    assert journal.lost == 7
    assert (
        "the journal ends without 7 predictions, which are lost (unable to open database file)" in caplog.text
    )


def test_a_database_whose_driver_is_not_installed_is_refused_with_the_remedy() -> None:
    with pytest.raises(JournalError, match=r"needs a driver .*puntual\[postgres\]"):
        Journal("mysql+mysqldb://me@host/db")
