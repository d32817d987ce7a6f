"""The append-only record of predictions: a database written beside the request path.

Lines wait in memory and one thread writes them, many in a transaction. When the database cannot be written, lines
go on waiting up to a limit; beyond it the new ones are lost and counted, so that what is kept has no holes. A line
that the database refuses for what it holds is set aside, and writing goes on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from puntual.operations.driver_errors import first_line
from puntual.operations.refused_lines import NAME, RefusedLines

if TYPE_CHECKING:
    from puntual.operations.journal_database import Database
    from puntual.operations.journal_line import JournalRow

_LOG = logging.getLogger("puntual.operations.journal_writer")
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
# The first look for what is too old waits until the service has started.
_FIRST_REMOVAL, _REMOVAL = 60.0, 3_600.0
_CHANGED = {
    "deleted or replaced": "journal %s was deleted or replaced while it was written; what is written from now on "
    "goes to the file of that name, and what its former file held is in that file alone",
    "overwritten": "journal %s was overwritten while it was written; what was written over it is kept as it is, and "
    "what is written from now on is added to that",
}
# URLs that need no checking before they are used.
_PLAIN = "sqlite:///"


class Journal:
    """Takes lines at the cost of an append, and writes them by a thread of its own."""

    def __init__(
        self,
        place: str | Path,
        *,
        refused: Path | None = None,
        retention: timedelta | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        capacity: int = 100_000,
        batch: int = 2_000,
        first_removal: float = _FIRST_REMOVAL,
    ) -> None:
        """Name the database by its URL, or a file of SQLite by its path; nothing is opened before `start`.

        Lines that the database refuses go to the file `refused`, by default beside the journal's own; for a database
        by URL they are lost without one. What is older than `retention` is removed, for the first time `first_removal`
        seconds from now. `capacity` lines may wait; `batch` lines are written in one transaction. Raise JournalError
        for a URL that cannot be one.
        """
        self._place, self._retention, self._clock = place, retention, clock
        beside = place.with_name(NAME) if isinstance(place, Path) else None
        self._refused_lines = RefusedLines(refused or beside)
        self._database: Database | None = None
        if isinstance(place, str) and not place.startswith(_PLAIN):
            self._open()
        self._next_removal = time.monotonic() + first_removal
        self._capacity, self._batch = capacity, batch
        self._waiting: deque[JournalRow] = deque()
        # Taken from those that wait, and not yet written.
        self._in_hand = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="puntual-journal", daemon=True)
        self.written = 0
        self.lost = 0
        self.refused = 0
        self.failures = 0
        self.error: str | None = None

    @property
    def waiting(self) -> int:
        """How many lines wait to be written."""
        return len(self._waiting)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def record_many(self, lines: "Iterable[JournalRow]") -> None:
        """Take lines; those that find no room are lost and counted. Never raises, never waits."""
        waiting = self._waiting
        before = len(waiting)
        if before < self._capacity:
            waiting.extend(lines)
        else:
            self.lost += sum(1 for _ in lines)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, if that takes no longer than `timeout` seconds, and end; count and log the rest as lost."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        unwritten = len(self._waiting) + self._in_hand
        self._waiting.clear()
        if unwritten:
            self.lost += unwritten
            _LOG.error(
                "the journal ends without %d predictions, which are lost (%s)",
                unwritten,
                self.error or f"the database took longer than {timeout:g} s",
            )

    def _write_on(self) -> None:
        pause = _PAUSE
        while not self._ended.wait(pause):
            done = self._is_in_place() and self._write_all() and self._remove_old()
            pause = _PAUSE if done else min(_LONGEST_PAUSE, pause * 2)
        if self._is_in_place():
            self._write_all()
            if self._database is not None:
                self._database.close()

    def _is_in_place(self) -> bool:
        """Begin anew where others changed the database's file, and tell whether it can be written."""
        database = self._database
        change = None if database is None else database.file_change()
        if database is None or change is None:
            return True
        try:
            database.leave(change)
        except OSError as error:
            self._complain(error, closing=False)
            return False
        _LOG.error(_CHANGED[change], database.name)
        return True

    def _write_all(self) -> bool:
        """Write all that waits; False when the database would not have it."""
        while self._waiting:
            lines = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._in_hand = len(lines)
            try:
                self._write(lines)
            except Exception as error:
                # Those that were written or set aside before it are at the front.
                unwritten = lines[len(lines) - self._in_hand :]
                self._waiting.extendleft(reversed(unwritten))
                self._in_hand = 0
                self._complain(error)
                return False
            self.error = None
        return True

    def _write(self, lines: list["JournalRow"]) -> None:
        """Write lines in their order, and set aside each that the database refuses for what it holds."""
        database = self._open()
        try:
            database.insert(lines)
            self.written += len(lines)
        except Exception as error:
            if not database.is_refusal(error):
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                self._write(lines[:middle])
                self._write(lines[middle:])
                return
            self._set_aside(lines[0], error)
        self._in_hand -= len(lines)

    def _set_aside(self, line: "JournalRow", error: Exception) -> None:
        self.refused += 1
        if not self._refused_lines.add(line, first_line(error)):
            self.lost += 1

    def _remove_old(self) -> bool:
        """Remove what is too old once an hour, in small steps between which lines are written; False on failure."""
        if self._retention is None or time.monotonic() < self._next_removal:
            return True
        limit = (self._clock() - self._retention).isoformat(timespec="milliseconds")
        try:
            while not self._ended.is_set() and self._open().remove_before(limit):
                if not self._write_all():
                    return False
        except Exception as error:
            self._complain(error)
            return False
        self._next_removal = time.monotonic() + _REMOVAL
        return True

    def _open(self) -> "Database":
        if self._database is None:
            # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
            from puntual.operations.journal_database import Database

            self._database = Database(self._place)
        return self._database

    def _complain(self, error: Exception, *, closing: bool = True) -> None:
        message = first_line(error)
        database = self._database
        if self.error is None:
            _LOG.error(
                "journal %scannot be written (%s); predictions go on, and up to %d lines wait",
                "" if database is None else f"{database.name} ",
                message,
                self._capacity,
            )
        self.error = message
        self.failures += 1
        # The log of a database that is closed goes into whatever stands under its name.
        if database is not None and closing:
            database.close()
