"""What the journal took arrives as it was, and what it cannot write is counted and stops nobody."""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from puntual.errors import JournalError
from puntual.operations.event_database import EventDatabase
from puntual.operations.journal_database import Database
from puntual.operations.journal_line import COLUMNS, JournalRow, Value
from puntual.operations.journal_schema import PREDICTIONS
from puntual.operations.journal_writer import Journal
from puntual.settings import Settings


def line(late: float, answered: str = "2026-01-01T12:00:00.000+00:00", **other: Value) -> JournalRow:
    values: dict[str, Value] = {
        "answered": answered,
        "request_id": "seven",
        "as_of": None,
        "airline": "AA",
        "flight_number": "1",
        "origin": "JFK",
        "destination": "MIA",
        "scheduled_departure": "2026-01-02T09:05",
        "late_probability": late,
        "model": "0123456789abcdef",
        "key_name": "tower",
        "peer": "127.0.0.1",
        "state_of_knowledge": "history",
        "cut_off": "2026-01-01T07:00",
        "horizon_minutes": 1_565,
        "history_until": "2025-12-31",
        "band_up_to_15": 1 - late,
        "band_15_to_30": late,
        "band_30_to_60": 0.0,
        "band_60_to_120": 0.0,
        "band_over_120_or_cancelled": 0.0,
    }
    return tuple((values | other)[name] for name in COLUMNS)


def rows(file: Path, what: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(f"select {what} from predictions order by id").fetchall()


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
    written = rows(tmp_path / "journal.db", ", ".join(COLUMNS))
    assert written == [tuple(line(late)) for late in probabilities]
    assert (journal.written, journal.lost) == (4, 0)


def test_lines_come_back_whole_whatever_they_have_in_common(tmp_path: Path) -> None:
    of_one_request = [line(flight / 1_000, origin=f"A{flight % 7}") for flight in range(205)]
    of_many = [line(0.2, request_id=f"r{flight}", as_of="2026-01-01T07:00") for flight in range(205)]
    of_all_kinds = [line(0.3, peer=f"10.0.0.{flight}", history_until=None) for flight in range(205)]
    one_apart = [*of_one_request[:99], line(0.4, as_of="2026-01-01T07:00")]
    lines = [*of_one_request, *of_many, *of_all_kinds, *one_apart]
    database = Database(tmp_path / "journal.db")
    for some in (of_one_request, of_many, of_all_kinds, one_apart):
        database.insert(some)
    database.insert(lines)
    database.close()
    written = rows(tmp_path / "journal.db", ", ".join(COLUMNS))
    assert written == [*lines, *lines]


def test_a_journal_that_is_there_keeps_its_pages(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "former.db")) as former:
        former.execute("pragma page_size=4096")
        former.execute("pragma journal_mode=wal")
        former.execute("create table someone_elses (number)")
    pages = {}
    for name in ("former.db", "new.db"):
        database = Database(tmp_path / name)
        database.insert([line(0.1)])
        database.close()
        with closing(sqlite3.connect(tmp_path / name)) as journal:
            pages[name] = journal.execute("pragma page_size").fetchone()
    assert pages == {"former.db": (4_096,), "new.db": (16_384,)}


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


def test_of_all_who_begin_a_journal_at_once_none_is_refused(tmp_path: Path) -> None:
    kinds = (Database, EventDatabase, Database)
    together = Barrier(len(kinds))

    def begin(kind: type[Database | EventDatabase], file: Path) -> int:
        database = kind(file)
        together.wait()
        with closing(database), database.open().connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar() or 0)

    with ThreadPoolExecutor(len(kinds)) as pool:
        for number in range(60):
            file = tmp_path / str(number) / "journal.db"
            assert list(pool.map(begin, kinds, [file] * len(kinds))) == [0, 0, 0]


def test_the_log_of_a_deleted_journal_is_removed_while_its_number_is_still_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "journal.db")
    database.insert([line(0.5)])
    log = tmp_path / "journal.db-wal"
    assert log.exists()
    (tmp_path / "journal.db").unlink()
    seen: list[bool] = []
    # From here on the system may give the log of whoever begins the journal anew the number of the former one.
    monkeypatch.setattr(database, "close", lambda: seen.append(log.exists()))
    database.leave("deleted or replaced")
    assert seen == [False]


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
    with pytest.raises(JournalError) as refused:
        Journal("nonsense://me:secret@host/db")
    assert "secret" not in str(refused.value)


def test_a_line_has_a_field_for_each_column() -> None:
    assert ("id", *COLUMNS) == tuple(PREDICTIONS.columns.keys())


def test_what_is_older_than_the_retention_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    old, young = "2025-01-01T11:59:59.999+00:00", "2025-01-01T12:00:00.000+00:00"
    before = Journal(file)
    before.start()
    # More than one step removes.
    before.record_many([*(line(0.25, old) for _ in range(1_300)), line(0.5, young)])
    before.close()
    noon = datetime(2026, 2, 5, 12, tzinfo=UTC)
    journal = Journal(file, retention=timedelta(days=400), clock=lambda: noon, first_removal=0)
    journal.start()
    assert until(lambda: rows(file, "answered") == [(young,)])
    journal.record_many([line(0.75, old)])
    journal.close()
    # What came later stays until the next look, an hour from then.
    assert rows(file, "late_probability") == [(0.5,), (0.75,)]


@pytest.mark.parametrize("name", ["state?mode=ro", "state#1", "a%20b", "a state", "ünï"])
def test_a_folder_of_any_name_holds_the_journal(tmp_path: Path, name: str) -> None:
    place = Settings(state=str(tmp_path / name)).journal_place()
    assert place == tmp_path / name / "journal.db"
    journal = Journal(place)
    journal.start()
    journal.record_many([line(0.5)])
    journal.close()
    assert (journal.written, [path.name for path in tmp_path.iterdir()]) == (1, [name])
    assert rows(tmp_path / name / "journal.db", "late_probability") == [(0.5,)]


def test_nobody_but_the_owner_reads_the_journal_or_opens_its_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    journal = Journal(state / "journal.db")
    journal.start()
    journal.record_many([line(0.5)])
    assert until(lambda: journal.written == 1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state, *state.iterdir())}
    journal.close()
    assert modes == {
        "state": 0o700,
        ".journal.db.lock": 0o600,
        "journal.db": 0o600,
        "journal.db-shm": 0o600,
        "journal.db-wal": 0o600,
    }
