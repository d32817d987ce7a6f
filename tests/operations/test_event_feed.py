"""What was acknowledged is in the journal once, and every feed that follows it has the same board."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from operations.events_made import NOW, event, numbered
from puntual.operations.board import KEPT
from puntual.operations.event import KnownEvent
from puntual.operations.event_database import EventDatabase
from puntual.operations.event_feed import EventFeed, EventsUnavailableError

BATCH = 50
# `make soak` asks for more.
KILLS = int(os.environ.get("TEST_KILLS", "10"))
WRITER = """
import sys
from pathlib import Path
from operations.events_made import NOW, numbered
from puntual.operations.event_feed import EventFeed
place, first, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
feed = EventFeed(place if "://" in place else Path(place))
feed.rebuild()
print("ready", flush=True)
for batch in range(first, first + 1_000):
    # The end of the batch before is sent again.
    feed.append([numbered(max(0, batch * size + one - 5)) for one in range(size + 5)], NOW, "tower")
    print(batch, flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """A journal in a file of SQLite, and one in a PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "journal.db"
    url: str = request.getfixturevalue("postgresql")
    return url


@pytest.fixture
def make_feed(place: str | Path, request: pytest.FixtureRequest) -> Callable[[], EventFeed]:
    def make() -> EventFeed:
        feed = EventFeed(place)
        request.addfinalizer(feed.close)
        feed.rebuild()
        return feed

    return make


def flights(feed: EventFeed) -> list[int]:
    return sorted(int(flight.flight_number) for flight, _ in feed.board.departures("EWR"))


def append(feed: EventFeed, *events: KnownEvent) -> int:
    return feed.append(events, NOW, "tower")


def stored(place: str | Path) -> list[int]:
    """The flights of the events in the journal, in its order."""
    engine = sa.create_engine(f"sqlite:///{place}" if isinstance(place, Path) else place)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT flight_number FROM events ORDER BY id").all()
    engine.dispose()
    return [int(number) for (number,) in rows]


def test_an_event_comes_back_as_it_was(place: str | Path, make_feed: Callable[[], EventFeed]) -> None:
    events = [
        event("left", "05:18", at="05:17", scheduled_arrival="2013-10-03T08:19"),
        event("expected", "04:18", expected_departure="05:40"),
        event("tail", "03:18", tail="N1", destination=None),
    ]
    assert append(make_feed(), *events) == 3
    database = EventDatabase(place)
    assert database.read_after(0).events == events
    assert sorted(database.read_newest(KEPT)) == sorted(events)
    database.close()


def test_what_is_sent_again_changes_nothing(place: str | Path, make_feed: Callable[[], EventFeed]) -> None:
    feed = make_feed()
    assert [append(feed, numbered(1), numbered(2), numbered(1)), append(feed, numbered(2), numbered(3))] == [
        2,
        1,
    ]
    assert stored(place) == [1, 2, 3]


def test_a_restart_finds_the_board_as_it_was(make_feed: Callable[[], EventFeed]) -> None:
    before = make_feed()
    old = numbered(7)
    append(before, *map(numbered, range(5)))
    append(before, old._replace(known_at=old.known_at - KEPT - timedelta(hours=3), content_key="old"))
    after = make_feed()
    assert flights(after) == [0, 1, 2, 3, 4]
    assert after.board.airports["EWR"].flights == before.board.airports["EWR"].flights


def test_feeds_see_each_others_events(make_feed: Callable[[], EventFeed]) -> None:
    one, other = make_feed(), make_feed()
    append(one, numbered(1))
    append(other, numbered(2))
    append(one, numbered(3))
    assert [one.read_new(), other.read_new()] == [1, 2]
    assert [one.read_new(), other.read_new()] == [0, 0]
    assert flights(one) == flights(other) == [1, 2, 3]


def test_ids_become_visible_in_their_order_in_a_postgresql(postgresql: str) -> None:
    reader = EventFeed(postgresql)
    reader.rebuild()
    code = WRITER.replace("range(first, first + 1_000)", "range(first, first + 15)")
    with writer(postgresql, 0, code) as one, writer(postgresql, 1_000, code) as other:
        while one.poll() is None or other.poll() is None:
            reader.read_new()
    reader.read_new()
    reader.close()
    assert (one.returncode, other.returncode) == (0, 0)
    assert len(flights(reader)) == len(stored(postgresql)) >= 2 * 15 * BATCH


def writer(place: str | Path, first: int, code: str = WRITER, size: int = BATCH) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    words = [sys.executable, "-c", code, str(place), str(first), str(size)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def test_of_writers_that_are_killed_no_acknowledged_event_is_lost_and_none_is_there_twice(
    place: str | Path,
) -> None:
    acknowledged = -1
    for kill in range(KILLS):
        with writer(place, acknowledged + 1) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            printed = [process.stdout.readline() for _ in range(kill % 4)]
            # Sometimes in the middle of a transaction, sometimes between two.
            time.sleep(0.0007 * (kill % 10))
            process.send_signal(signal.SIGKILL)
            printed += process.stdout.readlines()
        acknowledged = max([acknowledged, *(int(line) for line in printed if line.endswith("\n"))])
    numbers = stored(place)
    assert len(numbers) == len(set(numbers))
    assert set(range((acknowledged + 1) * BATCH)) <= set(numbers)
    # Never half a batch.
    assert len(numbers) % BATCH == 0
    assert acknowledged >= KILLS


def test_a_locked_journal_refuses_events_and_takes_them_afterwards(tmp_path: Path) -> None:
    feed = EventFeed(tmp_path / "journal.db")
    append(feed, numbered(1))
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(EventsUnavailableError, match="locked"):
            append(feed, numbered(2))
        assert flights(feed) == [1]
        other.execute("commit")
    assert append(feed, numbered(2)) == 1
    feed.close()


def test_a_journal_that_vanished_acknowledges_nothing_and_the_next_batch_goes_to_the_new_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "journal.db"
    feed = EventFeed(file)
    append(feed, numbered(1))
    file.unlink()
    with pytest.raises(EventsUnavailableError, match="deleted or replaced"):
        append(feed, numbered(2))
    assert append(feed, numbered(2), numbered(3)) == 2
    assert stored(file) == [2, 3]
    assert flights(feed) == [1, 2, 3]
    feed.close()


def test_a_journal_that_is_away_at_the_start_is_read_once_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "away" / "journal.db"
    (tmp_path / "away").write_text("where a folder should be")
    feed = EventFeed(file)
    feed.rebuild()
    assert feed.error is not None
    (tmp_path / "away").unlink()
    other = EventFeed(file)
    append(other, numbered(1))
    assert feed.read_new() == 1
    assert feed.error is None
    feed.close()
    other.close()


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    database = EventDatabase(tmp_path / "journal.db")
    with database.open().connect() as connection:
        # 2 is FULL.
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_of_a_long_journal_the_last_days_are_read_by_an_index(tmp_path: Path) -> None:
    database = EventDatabase(tmp_path / "journal.db")
    database.append([numbered(1)], NOW, "tower")
    database.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        statement = "SELECT * FROM events WHERE airport = 'EWR' AND known_at >= '2013'"
        plan = journal.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    assert "USING INDEX events_by_airport" in str(plan)
