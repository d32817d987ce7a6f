"""A journal whose file others write over, as who restores a backup does, is noticed, and writing goes on in it."""

import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from operations.events_made import NOW, numbered
from operations.test_event_feed import KILLS, writer
from operations.test_journal import line, rows, until
from puntual.operations.event_feed import EventFeed, EventsUnavailableError
from puntual.operations.journal_database import Database
from puntual.operations.journal_writer import Journal

NOTICED = "was overwritten"


def backup(file: Path, to: Path) -> None:
    with closing(sqlite3.connect(file)) as journal, closing(sqlite3.connect(to)) as copy:
        journal.backup(copy)


def other_journal(file: Path, late: float, lines: int) -> None:
    database = Database(file)
    database.insert([line(late)] * lines)
    database.close()


def overwrite(file: Path, content: bytes) -> None:
    """Write over a file in place, as `cp` does."""
    inode = file.stat().st_ino
    with file.open("wb") as written:
        written.write(content)
    assert file.stat().st_ino == inode


def is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as journal:
        return journal.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def writing(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.db")
    journal.start()
    journal.record_many([line(0.25)] * 500)
    assert until(lambda: journal.written == 500)
    return journal


@pytest.mark.parametrize("lines", [3, 3_000], ids=["shorter", "longer"])
def test_a_journal_copied_over_the_one_that_is_written_is_noticed_and_writing_goes_on_in_it(
    writing: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture, lines: int
) -> None:
    file = tmp_path / "journal.db"
    other_journal(tmp_path / "other.db", 0.0625, lines)
    overwrite(file, (tmp_path / "other.db").read_bytes())
    # Without a prediction to write it is noticed as well.
    assert until(lambda: NOTICED in caplog.text)
    writing.record_many([line(0.75)])
    writing.close()
    assert rows(file, "late_probability") == [*[(0.0625,)] * lines, (0.75,)]
    assert is_sound(file)
    assert (writing.written, writing.lost) == (501, 0)


def test_a_backup_of_the_journal_is_restored_while_it_is_written(
    writing: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    backup(file, tmp_path / "backup.db")
    # More than the log beside the file takes in before it is written to the file.
    writing.record_many([line(0.5)] * 20_000)
    assert until(lambda: writing.written == 20_500)
    overwrite(file, (tmp_path / "backup.db").read_bytes())
    assert until(lambda: NOTICED in caplog.text)
    writing.record_many([line(0.75)] * 3)
    writing.close()
    assert rows(file, "late_probability") == [*[(0.25,)] * 500, *[(0.75,)] * 3]
    assert is_sound(file)


def test_a_journal_that_is_emptied_in_place_is_begun_anew(
    writing: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    overwrite(file, b"")
    assert until(lambda: NOTICED in caplog.text)
    writing.record_many([line(0.75)])
    writing.close()
    assert rows(file, "late_probability") == [(0.75,)]


def test_a_copy_that_takes_its_time_is_waited_for(writing: Journal, tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    other_journal(tmp_path / "other.db", 0.0625, 3_000)
    content = (tmp_path / "other.db").read_bytes()
    with file.open("wb") as slowly:
        for start in range(0, len(content), len(content) // 8):
            slowly.write(content[start : start + len(content) // 8])
            slowly.flush()
            writing.record_many([line(0.75)])
            time.sleep(0.15)
    assert until(lambda: writing.waiting == 0 and writing.error is None)
    writing.close()
    late = rows(file, "late_probability")
    assert late[:3_000] == [(0.0625,)] * 3_000
    # The first may have been on its way into the former file when the copying began.
    assert 8 <= len(late) - 3_000 <= 9
    assert is_sound(file)


def test_what_is_written_over_a_journal_takes_no_acknowledged_event_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    feeds = [EventFeed(file), EventFeed(file)]
    feeds[0].append([numbered(1)], NOW, "tower")
    feeds[1].rebuild()
    backup(file, tmp_path / "backup.db")
    feeds[0].append([numbered(number) for number in range(2, 5)], NOW, "tower")
    overwrite(file, (tmp_path / "backup.db").read_bytes())
    with pytest.raises(EventsUnavailableError, match="overwritten"):
        feeds[0].append([numbered(5)], NOW, "tower")
    assert feeds[0].append([numbered(5), numbered(6)], NOW, "tower") == 2
    assert feeds[1].read_new() == 2
    for feed in feeds:
        feed.close()
    with closing(sqlite3.connect(file)) as journal:
        flights = journal.execute("SELECT flight_number FROM events ORDER BY id").fetchall()
    assert flights == [("1",), ("5",), ("6",)]
    assert is_sound(file)
    assert caplog.text.count(NOTICED) == 1


def test_a_journal_is_left_as_it_was_restored_when_the_service_ends_at_once(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    feed = EventFeed(file)
    feed.append([numbered(number) for number in range(50)], NOW, "tower")
    other_journal(tmp_path / "other.db", 0.0625, 3)
    overwrite(file, (tmp_path / "other.db").read_bytes())
    feed.close()
    assert rows(file, "late_probability") == [(0.0625,)] * 3
    assert is_sound(file)


def test_what_a_journal_writes_itself_is_never_taken_for_something_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    reading = EventFeed(file)
    reading.rebuild()
    database = Database(file)
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            reading.read_new()

    watcher = threading.Thread(target=watch)
    watcher.start()
    old, young = "2025-01-01T00:00:00.000+00:00", "2026-01-01T00:00:00.000+00:00"
    try:
        for number in range(40):
            # Pages are let go of and taken again, and the log is written to the file now and then.
            database.insert([line(0.5, old)] * 1_000)
            while database.remove_before(young):
                assert database.file_change() is None
            if number > 20:
                database.insert([line(0.5, young)])
    finally:
        ended.set()
        watcher.join()
    database.close()
    reading.close()
    assert NOTICED not in caplog.text
    assert len(rows(file, "id")) == 19


def test_writers_that_are_killed_while_they_move_the_log_into_the_file_are_no_sign_of_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    following = EventFeed(file)
    following.rebuild()
    # So large that every second or third batch fills the log.
    batch = 2_000
    for kill in range(max(4, KILLS // 10)):
        with writer(file, kill * 1_000, size=batch) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(4):
                process.stdout.readline()
                following.read_new()
            time.sleep(0.003 * (kill % 8))
            process.send_signal(signal.SIGKILL)
        following.read_new()
    assert following.append([numbered(99_999_999)], NOW, "tower") == 1
    following.close()
    assert NOTICED not in caplog.text
    assert is_sound(file)


def test_of_the_files_that_a_restored_journal_took_none_is_left(
    writing: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    other_journal(tmp_path / "other" / "journal.db", 0.0625, 3)
    shutil.copyfile(tmp_path / "other" / "journal.db", tmp_path / "journal.db")
    assert until(lambda: NOTICED in caplog.text)
    writing.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".journal.db.lock", "journal.db", "other"]
    assert (tmp_path / "journal.db").stat().st_mode & 0o777 == 0o600
