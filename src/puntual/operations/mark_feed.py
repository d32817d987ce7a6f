"""The marks that a worker knows: those of the last days, followed in the journal that all workers share."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.errors import JournalError
from puntual.operations.event import FlightKey
from puntual.operations.marks import Mark, Watch, watch_of

if TYPE_CHECKING:
    from puntual.operations.mark_database import MarkDatabase

_LOG = logging.getLogger("puntual.operations.mark_feed")
KEPT = timedelta(days=4)


class MarksUnavailableError(JournalError):
    """A mark cannot be made durable now; it was not acknowledged, and may be sent again."""


class MarkFeed:
    """The marks of flights of the last days.

    `append` and `read_new` wait for the database, so they belong into a thread.
    """

    def __init__(self, place: str | Path) -> None:
        """Name the journal by its URL, or a file of SQLite by its path; nothing is opened yet."""
        self._place = place
        self._database: MarkDatabase | None = None
        self._read_until = 0
        self._marks: dict[FlightKey, list[Mark]] = {}
        self._lock = threading.Lock()
        self._is_away = False
        # Another number whenever a mark was added.
        self.version = 0

    def is_missing(self) -> bool:
        """Tell whether there is no journal yet, so that there is nothing to read."""
        return isinstance(self._place, Path) and not self._place.exists()

    def watch(self, flight: FlightKey, moment: datetime) -> Watch | None:
        """Say what people had done about a flight by a moment in UTC; None for nothing."""
        marks = [mark for mark in self._marks.get(flight, ()) if mark.received <= moment]
        return watch_of(marks) if marks else None

    def append(self, mark: Mark) -> None:
        """Make a mark durable, and know it; raise MarksUnavailableError where the journal does not take it."""
        with self._lock:
            try:
                self._open().append(mark)
                self._read()
            except Exception as error:
                self._complain(error)
                raise MarksUnavailableError(_first_line(error)) from error

    def read_new(self) -> None:
        """Know what was appended since, by whomever; nothing is raised."""
        with self._lock:
            try:
                database = self._open()
                if database.was_replaced():
                    database.leave()
                    self._read_until, self._marks = 0, {}
                self._read()
                self._is_away = False
            except Exception as error:
                self._complain(error)

    def close(self) -> None:
        """Let go of the journal."""
        with self._lock:
            if self._database is not None:
                self._database.close()

    def _read(self) -> None:
        since = (datetime.now(UTC) - KEPT).isoformat()[:16]
        while (new := self._open().read_after(self._read_until, since)).marks:
            # Another table each time, since others read the one before.
            known = {
                flight: marks for flight, marks in self._marks.items() if flight.scheduled_departure >= since
            }
            for mark in new.marks:
                known[mark.flight] = [*known.get(mark.flight, ()), mark]
            self._marks, self._read_until = known, new.read_until
            self.version += 1

    def _open(self) -> "MarkDatabase":
        if self._database is None:
            # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
            from puntual.operations.mark_database import MarkDatabase

            self._database = MarkDatabase(self._place)
        return self._database

    def _complain(self, error: Exception) -> None:
        if not self._is_away:
            _LOG.error("marks cannot be read or kept (%s)", _first_line(error))
        self._is_away = True
        if self._database is not None:
            self._database.close()


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
