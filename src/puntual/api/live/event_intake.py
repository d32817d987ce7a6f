"""How a worker takes events, and follows those that other workers and replicas took."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from puntual.api.auth.guard import KEY_NAME
from puntual.api.observability import metrics
from puntual.api.observability.metrics import Metrics
from puntual.api.problems import ProblemError
from puntual.operations.board import Board
from puntual.operations.event_contract import MOST_EVENTS, SentEvent
from puntual.operations.event_feed import EventFeed, EventsUnavailableError
from puntual.operations.event_reading import RefusedEvent, read_events
from puntual.settings import Settings

# Others see an event within two seconds.
_POLL = 1.0
# A first start waits so long for the journal, and goes on without it: the board is filled once it is back.
_PATIENCE = 3.0
_MOST_WAITING = 64
T = TypeVar("T")


class EventsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events in any order; each is taken or refused by itself."""

    events: Annotated[list[SentEvent], Meta(min_length=1, max_length=MOST_EVENTS)]


class EventsTaken(msgspec.Struct, frozen=True):
    """How many events are new, how many were known already, and which were refused, and why."""

    applied: int
    unchanged: int
    refused: list[RefusedEvent]


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The events of a request, each still to be read."""

    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_EVENTS)]


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class EventIntake:
    """The events of one worker: the board that they make, and the way into the journal."""

    def __init__(self, settings: Settings, measured: Metrics) -> None:
        """Take events into the journal of the settings; where there is none that all replicas share, take none."""
        place = settings.journal_place()
        self._feed = None if place is None else EventFeed(place)
        self.board = Board() if self._feed is None else self._feed.board
        self._refusal = _refusal(settings, place)
        self._metrics, self._patience = measured, settings.patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="puntual-events")
        self._waiting = 0

    async def rebuild(self) -> None:
        """Fill the board from the journal; one that is away is not waited for longer than some seconds."""
        if self._feed is not None and not self._feed.is_missing():
            await asyncio.wait([self._apart(self._feed.rebuild)], timeout=_PATIENCE)

    async def follow(self) -> None:
        """Put on the board what others take, again and again."""
        while self._feed is not None:
            await asyncio.sleep(_POLL)
            if not self._feed.is_missing():
                await self._apart(self._feed.read_new)

    async def take(self, body: bytes, unlisted: dict[str, str]) -> EventsTaken:
        """Read the events of a body and make them durable; raise ProblemError where that cannot be."""
        feed = self._feed
        if feed is None or self._refusal:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, self._refusal)
        if self._waiting >= _MOST_WAITING:
            raise _unavailable(f"{self._waiting} batches wait already")
        key_name = KEY_NAME.get()

        def work() -> EventsTaken:
            now = datetime.now(UTC)
            read = read_events(_decoded(body), now, unlisted)
            new = feed.append(read.events, now, key_name)
            return EventsTaken(new, len(read.events) - new, read.refused)

        return self._counted(await self._in_time(work))

    def close(self) -> None:
        """Let go of the journal."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._feed is not None:
            self._feed.close()

    async def _in_time(self, work: Callable[[], T]) -> T:
        self._waiting += 1
        future = self._apart(work)
        # A batch that is given up is still written, or not, as a whole.
        future.add_done_callback(self._count_down)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._patience)
        except EventsUnavailableError as error:
            raise _unavailable(str(error)) from error
        except TimeoutError as error:
            raise _unavailable(f"the database took longer than {self._patience:g} s") from error

    def _count_down(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            # Whoever waited for it may have gone.
            future.exception()

    def _apart(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _counted(self, taken: EventsTaken) -> EventsTaken:
        for outcome, number in (
            ("applied", taken.applied),
            ("unchanged", taken.unchanged),
            ("refused", len(taken.refused)),
        ):
            self._metrics.count(metrics.EVENTS, outcome, by=number)
        return taken


def _decoded(body: bytes) -> list[msgspec.Raw]:
    try:
        return _ENVELOPE.decode(body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f'the body is not {{"events": [1 to {MOST_EVENTS:,} events]}} as JSON: {error}',
        ) from error


def _refusal(settings: Settings, place: str | Path | None) -> str:
    if place is None:
        return "events are kept in the journal, and there is none (PUNTUAL_JOURNAL=off); name one and start again"
    if settings.replicas > 1 and not str(place).startswith("postgresql"):
        return (
            f"{settings.replicas} replicas each have a journal of their own, so that the others would never know of "
            "these events; let them share a PostgreSQL (PUNTUAL_JOURNAL), or run one (PUNTUAL_REPLICAS)"
        )
    return ""


def _unavailable(reason: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"events cannot be kept now ({reason}); none of these is acknowledged, so send them again",
        headers={"retry-after": "1"},
    )
