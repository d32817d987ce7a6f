"""The marks that a worker knows: those of the last days, followed in the journal that all workers share."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.errors import JournalError
from puntual.operations.driver_errors import first_line
from puntual.operations.event import FlightKey
from puntual.operations.marks import Mark, Watch, watch_of

if TYPE_CHECKING:
    from puntual.operations.mark_database import MarkDatabase
    from puntual.operations.sqlite_files import FileChange

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
                database = self._open()
                self._refuse_if_changed(database)
                database.append(mark)
                self._refuse_if_changed(database)
                self._read()
            except MarksUnavailableError:
                raise
            except Exception as error:
                self._complain(error)
                raise MarksUnavailableError(first_line(error)) from error

    def read_new(self) -> None:
        """Know what was appended since, by whomever; nothing is raised."""
        with self._lock:
            try:
                database = self._open()
                if (change := database.file_change()) is not None:
                    self._leave(database, change)
                self._read()
                self._is_away = False
            except Exception as error:
                self._complain(error)

    def close(self) -> None:
        """Let go of the journal."""
        with self._lock:
            database = self._database
            if database is None:
                return
            try:
                if (change := database.file_change()) is not None:
                    self._leave(database, change)
            except OSError as error:
                # Closed, its log would go into what stands under its name now.
                self._complain(error)
                return
            database.close()

    def _refuse_if_changed(self, database: "MarkDatabase") -> None:
        """Refuse what goes, or went, to a file that others changed: nobody might read it again."""
        if (change := database.file_change()) is not None:
            self._leave(database, change)
            raise MarksUnavailableError(f"its file was {change} meanwhile")

    def _leave(self, database: "MarkDatabase", change: "FileChange") -> None:
        database.leave(change)
        self._read_until, self._marks = 0, {}
        self.version += 1

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
            _LOG.error("marks cannot be read or kept (%s)", first_line(error))
        self._is_away = True
        if self._database is not None and not isinstance(error, OSError):
            self._database.close()
