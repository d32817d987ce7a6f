"""What a worker knows as the day unfolds: a board that follows the journal, and the way of an event into both."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.errors import JournalError
from puntual.operations.board import KEPT, Board
from puntual.operations.event import KnownEvent
from puntual.operations.journal_feed import JournalFeed

if TYPE_CHECKING:
    from puntual.operations.event_database import EventDatabase

# The board keeps whole hours.
_READ = KEPT + timedelta(hours=1)


class EventsUnavailableError(JournalError):
    """Events cannot be made durable now: none of a batch was acknowledged, and all of it may be sent again."""


class EventFeed(JournalFeed["EventDatabase"]):
    """The board of one worker and the journal behind it; the board is read from any thread."""

    kind = "events"
    unavailable = EventsUnavailableError

    def __init__(self, place: str | Path) -> None:
        """Name the journal by its URL, or a file of SQLite by its path; nothing is opened yet."""
        super().__init__(place)
        self.board = Board()

    def rebuild(self) -> None:
        """Read of each airport what the board holds; where the journal is away, it is read once it is back."""
        with self._reading() as database:
            self._read_until = database.newest_id()
            self.board.apply(database.read_newest(_READ))

    def append(self, events: Sequence[KnownEvent], received: datetime, key_name: str) -> int:
        """Make a batch durable, put it on the board, and count the events that are new.

        Raises EventsUnavailableError where the journal does not take it.
        """
        with self._lock:
            with self._appending() as database:
                new = database.append(events, received, key_name) if events else 0
            self.board.apply(events)
            return new

    def read_new(self) -> int:
        """Put on the board what other workers have appended, and count it; nothing is raised."""
        taken = 0
        with self._reading() as database:
            while (new := database.read_after(self._read_until)).events:
                taken += self.board.apply(new.events)
                self._read_until = new.read_until
        return taken

    def _connect(self, place: str | Path) -> "EventDatabase":
        # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
        from puntual.operations.event_database import EventDatabase

        return EventDatabase(place)
