"""What a worker knows as the day unfolds: a board that follows the journal, and the way of an event into both."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.errors import JournalError
from puntual.operations.board import KEPT, Board
from puntual.operations.driver_errors import first_line
from puntual.operations.event import KnownEvent

if TYPE_CHECKING:
    from puntual.operations.event_database import EventDatabase
    from puntual.operations.sqlite_files import FileChange

_LOG = logging.getLogger("puntual.operations.event_feed")
# The board keeps whole hours.
_READ = KEPT + timedelta(hours=1)


class EventsUnavailableError(JournalError):
    """Events cannot be made durable now: none of a batch was acknowledged, and all of it may be sent again."""


class EventFeed:
    """The board of one worker and the journal behind it, which all workers share.

    `append` and `read_new` wait for the database, so they belong into a thread; the board is read from any.
    """

    def __init__(self, place: str | Path) -> None:
        """Name the journal by its URL, or a file of SQLite by its path; nothing is opened yet."""
        self.board = Board()
        self._place = place
        self._database: EventDatabase | None = None
        self._read_until = 0
        self._lock = threading.Lock()
        self.error: str | None = None

    def is_missing(self) -> bool:
        """Tell whether there is no journal yet, so that there is nothing to read."""
        return isinstance(self._place, Path) and not self._place.exists()

    def rebuild(self) -> None:
        """Read of each airport what the board holds; where the journal is away, it is read once it is back."""
        with self._lock:
            try:
                database = self._open()
                self._read_until = database.newest_id()
                self.board.apply(database.read_newest(_READ))
            except Exception as error:
                self._complain(error)

    def append(self, events: Sequence[KnownEvent], received: datetime, key_name: str) -> int:
        """Make a batch durable, put it on the board, and count the events that are new.

        Raises EventsUnavailableError where the journal does not take it.
        """
        with self._lock:
            try:
                database = self._open()
                self._refuse_if_changed(database)
                new = database.append(events, received, key_name) if events else 0
                self._refuse_if_changed(database)
            except EventsUnavailableError:
                raise
            except Exception as error:
                self._complain(error)
                raise EventsUnavailableError(first_line(error)) from error
            self.error = None
            self.board.apply(events)
            return new

    def read_new(self) -> int:
        """Put on the board what other workers have appended, and count it; nothing is raised."""
        with self._lock:
            taken = 0
            try:
                database = self._open()
                if (change := database.file_change()) is not None:
                    self._leave(database, change)
                while (new := database.read_after(self._read_until)).events:
                    taken += self.board.apply(new.events)
                    self._read_until = new.read_until
                self.error = None
            except Exception as error:
                self._complain(error)
            return taken

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

    def _refuse_if_changed(self, database: "EventDatabase") -> None:
        """Refuse what goes, or went, to a file that others changed: nobody might read it again."""
        if (change := database.file_change()) is not None:
            self._leave(database, change)
            raise EventsUnavailableError(f"its file was {change} meanwhile")

    def _leave(self, database: "EventDatabase", change: "FileChange") -> None:
        database.leave(change)
        _LOG.error(
            "journal %s was %s; events go to the file of that name from now on",
            database.name,
            change,
        )
        self._read_until = 0

    def _open(self) -> "EventDatabase":
        if self._database is None:
            # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
            from puntual.operations.event_database import EventDatabase

            self._database = EventDatabase(self._place)
        return self._database

    def _complain(self, error: Exception) -> None:
        message = first_line(error)
        if self.error is None:
            _LOG.error("events cannot be read or kept (%s); predictions go on with what is known", message)
        self.error = message
        # The log of a database whose file cannot be let go of would go into what stands under its name.
        if self._database is not None and not isinstance(error, OSError):
            self._database.close()
