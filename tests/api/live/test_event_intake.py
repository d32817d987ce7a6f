"""A worker follows the journal at a pace at which it knows of an event within the time that the guide promises."""

import asyncio
from pathlib import Path

import pytest

from operations.events_made import NOW, numbered
from puntual.api.live import event_intake, mark_intake
from puntual.api.live.event_intake import EventIntake
from puntual.api.observability.metrics import Metrics
from puntual.operations.event_feed import EventFeed
from puntual.settings import Settings

PROMISED_SECONDS = 2.0


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest) -> str:
    """The URL of a journal, which is empty for the file of SQLite in the state folder."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgresql")


def test_what_another_has_appended_is_on_the_board_after_one_pause_of_half_the_promise(
    journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(state=str(tmp_path), journal=journal)
    other = EventFeed(settings.journal_place() or "")
    intake, pauses, sleep = EventIntake(settings, Metrics(1)), [], asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError
        # Just after the journal was looked at, so that it has to be looked at again.
        other.append([numbered(1)], NOW, "tower")
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(intake.follow())
    numbers = [flight.flight_number for flight, _ in intake.board.departures("EWR")]
    assert numbers == ["1"]
    assert pauses[0] <= PROMISED_SECONDS / 2
    intake.close()
    other.close()


def test_marks_are_followed_at_the_same_pace() -> None:
    assert mark_intake._POLL <= event_intake._POLL
