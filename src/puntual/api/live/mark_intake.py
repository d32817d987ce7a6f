"""How a worker takes marks, and follows those that other workers and replicas took."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar

from puntual.api.auth.guard import KEY_NAME
from puntual.api.live.flight_marks import FlightMarks, MarkRequest, read_flight, shown_marks
from puntual.api.problems import ProblemError
from puntual.operations.mark_feed import MarkFeed, MarksUnavailableError
from puntual.operations.marks import Mark
from puntual.settings import Settings

# Others see a mark within two seconds.
_POLL = 1.0
T = TypeVar("T")


class MarkIntake:
    """The marks of one worker, and the way into the journal."""

    def __init__(self, settings: Settings) -> None:
        """Keep marks in the journal of the settings; without one, keep none."""
        place = settings.journal_place()
        self.feed = None if place is None else MarkFeed(place)
        self._patience = settings.patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="puntual-marks")

    async def follow(self) -> None:
        """Know what others add, again and again."""
        while self.feed is not None:
            if not self.feed.is_missing():
                await self._apart(self.feed.read_new)
            await asyncio.sleep(_POLL)

    async def take(self, sent: MarkRequest, unlisted: Mapping[str, str]) -> FlightMarks:
        """Make a mark durable and give all of its flight; raise ProblemError where that cannot be."""
        feed = self.feed
        if feed is None:
            raise _unavailable("there is no journal (PUNTUAL_JOURNAL=off); name one and start again")
        now = datetime.now(UTC)
        flight, period = read_flight(sent, now, unlisted)
        note = sent.note.strip() if sent.kind == "note" else ""
        if sent.kind == "note" and not note:
            return shown_marks(feed, flight, period) or FlightMarks()
        mark = Mark(now, KEY_NAME.get(), sent.kind, flight, note)
        try:
            await asyncio.wait_for(self._apart(lambda: feed.append(mark)), self._patience)
        except MarksUnavailableError as error:
            raise _unavailable(str(error)) from error
        except TimeoutError as error:
            raise _unavailable(f"the database took longer than {self._patience:g} s") from error
        return shown_marks(feed, flight, period) or FlightMarks()

    def close(self) -> None:
        """Let go of the journal."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self.feed is not None:
            self.feed.close()

    def _apart(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _unavailable(reason: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"marks cannot be kept now ({reason}); this one is not kept, so send it again",
        headers={"retry-after": "1"},
    )
