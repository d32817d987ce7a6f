"""The marks that a worker knows: those of the last days, followed in the journal that all workers share."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.errors import JournalError
from puntual.operations.event import FlightKey
from puntual.operations.journal_feed import JournalFeed
from puntual.operations.marks import Mark, Watch, watch_of

if TYPE_CHECKING:
    from puntual.operations.mark_database import MarkDatabase

KEPT = timedelta(days=4)


class MarksUnavailableError(JournalError):
    """A mark cannot be made durable now; it was not acknowledged, and may be sent again."""


class MarkFeed(JournalFeed["MarkDatabase"]):
    """The marks of flights of the last days."""

    kind = "marks"
    unavailable = MarksUnavailableError

    def __init__(self, place: str | Path) -> None:
        """Name the journal by its URL, or a file of SQLite by its path; nothing is opened yet."""
        super().__init__(place)
        self._marks: dict[FlightKey, list[Mark]] = {}
        # Another number whenever a mark was added.
        self.version = 0

    def watch(self, flight: FlightKey, moment: datetime) -> Watch | None:
        """Say what people had done about a flight by a moment in UTC; None for nothing."""
        marks = [mark for mark in self._marks.get(flight, ()) if mark.received <= moment]
        return watch_of(marks) if marks else None

    def append(self, mark: Mark) -> None:
        """Make a mark durable, and know it; raise MarksUnavailableError where the journal does not take it."""
        with self._lock, self._appending() as database:
            database.append(mark)
            self._read(database)

    def read_new(self) -> None:
        """Know what was appended since, by whomever; nothing is raised."""
        with self._reading() as database:
            self._read(database)

    def _read(self, database: "MarkDatabase") -> None:
        since = (datetime.now(UTC) - KEPT).isoformat()[:16]
        while (new := database.read_after(self._read_until, since)).marks:
            # Another table each time, since others read the one before.
            known = {
                flight: marks for flight, marks in self._marks.items() if flight.scheduled_departure >= since
            }
            for mark in new.marks:
                known[mark.flight] = [*known.get(mark.flight, ()), mark]
            self._marks, self._read_until = known, new.read_until
            self.version += 1

    def _forget(self) -> None:
        super()._forget()
        self._marks = {}
        self.version += 1

    def _connect(self, place: str | Path) -> "MarkDatabase":
        # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
        from puntual.operations.mark_database import MarkDatabase

        return MarkDatabase(place)
