"""Flights of a board that is told of are recorded at each horizon, and whenever their prediction moves."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.live.test_events import DAY, FLIGHT, left
from puntual.api.live.board_recorder import BoardRecorder
from puntual.api.live.known_now import KnownNow
from puntual.api.observability.metrics import Metrics
from puntual.api.serving.serving_model import ServingModel
from puntual.operations.board import Board
from puntual.operations.event_reading import read_events
from puntual.operations.journal_writer import Journal
from puntual.settings import Settings
from puntual.storage.file_lock import SoleHolder


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"{DAY}T{clock}-04:00")


class Kept(Journal):
    """A journal that is never written."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.lines: list[Any] = []

    def record_many(self, lines: Any) -> None:
        self.lines += lines


@pytest.fixture
def looked(bundle_file: Path, tmp_path: Path) -> Any:
    """Give what a recorder records of a board of these events as time goes by."""

    def look(events: list[dict[str, Any]], *clocks: str) -> list[list[Any]]:
        raw = [msgspec.Raw(msgspec.json.encode(event)) for event in events]
        board, journal = Board(), Kept(tmp_path / "journal.db")
        board.apply(read_events(raw, at("23:00")).events)
        service = ServingModel(Settings(bundle=str(bundle_file), state=str(tmp_path)), Metrics(), journal)
        max_age = timedelta(minutes=60)
        service.known_now = KnownNow(board, max_age)
        service.load()
        recorder = BoardRecorder(service, board, tmp_path, max_age)

        async def run() -> list[list[Any]]:
            recorded = []
            for clock in clocks:
                await recorder.look(at(clock))
                recorded.append([tuple(line)[4] for line in journal.lines])
                journal.lines.clear()
            return recorded

        return asyncio.run(run())

    return look


# Flight 3 is due at 10:30, and the feed tells of others.
TAIL = {"kind": "tail", **FLIGHT, "flight_number": "3", "tail": "N1", "known_at": f"{DAY}T08:00"}
FED = [
    left(number, at=clock, known_at=clock, scheduled_departure=f"{DAY}T{clock}")
    for number, clock in ((50, "08:10"), (51, "09:00"), (52, "09:50"), (53, "10:40"))
]


def test_a_flight_is_recorded_at_first_and_at_each_horizon(looked: Any) -> None:
    recorded = looked([TAIL, *FED], "08:15", "08:20", "08:30", "08:40", "09:30", "09:31", "10:00")
    assert recorded == [["3"], [], ["3"], [], ["3"], [], ["3"]]


def test_a_flight_that_is_overdue_moves_and_is_recorded(looked: Any) -> None:
    assert looked([TAIL, *FED], "10:01", "10:29", "10:50", "11:30") == [["3"], [], ["3"], ["3"]]


def test_of_a_feed_that_is_dead_nothing_is_recorded(looked: Any) -> None:
    assert looked([TAIL, *FED[:1]], "09:10", "09:11") == [["3"], []]


def test_a_flight_that_left_is_recorded_no_more(looked: Any) -> None:
    gone = left(3, at="10:31", known_at="10:32")
    assert looked([TAIL, *FED, gone], "10:29", "10:45") == [["3"], []]


def test_of_those_that_share_a_state_folder_one_records(tmp_path: Path) -> None:
    one, other = (SoleHolder(tmp_path / "lock") for _ in range(2))
    assert (one.is_ours(), other.is_ours(), one.is_ours()) == (True, False, True)
