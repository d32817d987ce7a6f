"""The append-only record of predictions: a database written beside the request path.

Lines wait in memory and one thread writes them, many in a transaction. When the database cannot be written, lines
go on waiting up to a limit; beyond it the new ones are lost and counted, so that what is kept has no holes.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from puntual.operations.journal_schema import Database, Line

_LOG = logging.getLogger("puntual.operations.journal_writer")
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
# URLs that need no checking before they are used.
_PLAIN = "sqlite:///"


class Journal:
    """Takes lines at the cost of an append, and writes them by a thread of its own."""

    def __init__(self, url: str, *, capacity: int = 100_000, batch: int = 2_000) -> None:
        """Name the database; raise JournalError for a URL that cannot be one. Nothing is opened before `start`.

        `capacity` lines may wait; `batch` lines are written in one transaction.
        """
        self._url = url
        self._database: Database | None = None
        if not url.startswith(_PLAIN):
            self._open()
        self._capacity, self._batch = capacity, batch
        self._waiting: deque[Line] = deque()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="puntual-journal", daemon=True)
        self.written = 0
        self.lost = 0
        self.failures = 0
        self.error: str | None = None

    @property
    def waiting(self) -> int:
        """How many lines wait to be written."""
        return len(self._waiting)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def record_many(self, lines: "Iterable[Line]") -> None:
        """Take lines; those that find no room are lost and counted. Never raises, never waits."""
        waiting = self._waiting
        before = len(waiting)
        if before < self._capacity:
            waiting.extend(lines)
        else:
            self.lost += sum(1 for _ in lines)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, if that takes no longer than `timeout` seconds, and end; count the rest as lost."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.lost += len(self._waiting)
        self._waiting.clear()

    def _write_on(self) -> None:
        pause = _PAUSE
        while not self._ended.wait(pause):
            pause = _PAUSE if self._write_all() else min(_LONGEST_PAUSE, pause * 2)
        self._write_all()
        if self._database is not None:
            self._database.close()

    def _write_all(self) -> bool:
        """Write all that waits; False when the database would not have it."""
        while self._waiting:
            lines = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            try:
                self._insert(lines)
            except Exception as error:
                self._waiting.extendleft(reversed(lines))
                self._complain(error)
                return False
            self.written += len(lines)
            self.error = None
        return True

    def _insert(self, lines: list["Line"]) -> None:
        self._open().insert(lines)

    def _open(self) -> "Database":
        if self._database is None:
            # SQLAlchemy takes a tenth of a second to load, for which no answer should wait.
            from puntual.operations.journal_schema import Database

            self._database = Database(self._url)
        return self._database

    def _complain(self, error: Exception) -> None:
        # The driver's message may repeat the whole statement; its first line says what is wrong.
        message = str(getattr(error, "orig", None) or error).splitlines()[0]
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
        if database is not None:
            database.close()
