"""How a worker appends to a table of the journal, which all workers share, and follows what others append."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from puntual.errors import JournalError
from puntual.operations.driver_errors import first_line

if TYPE_CHECKING:
    from puntual.operations.journal_engine import JournalEngine
    from puntual.operations.sqlite_files import FileChange

_LOG = logging.getLogger("puntual.operations.journal_feed")
FollowedDatabase = TypeVar("FollowedDatabase", bound="JournalEngine")


class JournalFeed(ABC, Generic[FollowedDatabase]):
    """The rows of one kind; whatever reads or appends waits for the database, so it belongs into a thread."""

    kind: ClassVar[str]
    unavailable: ClassVar[type[JournalError]]

    def __init__(self, place: str | Path) -> None:
        """Name the journal by its URL, or a file of SQLite by its path; nothing is opened yet."""
        self._place = place
        self._database: FollowedDatabase | None = None
        self._read_until = 0
        self._lock = threading.Lock()
        self.error: str | None = None

    @abstractmethod
    def _connect(self, place: str | Path) -> FollowedDatabase:
        """Name the database, of which nothing is opened yet."""

    def _forget(self) -> None:
        """Begin anew, with another file."""
        self._read_until = 0

    def is_missing(self) -> bool:
        """Tell whether there is no journal yet, so that there is nothing to read."""
        return isinstance(self._place, Path) and not self._place.exists()

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

    @contextmanager
    def _reading(self) -> Iterator[FollowedDatabase]:
        """Lend the journal, under the lock; what goes wrong is logged, and nothing is raised."""
        with self._lock:
            try:
                database = self._opened()
                if (change := database.file_change()) is not None:
                    self._leave(database, change)
                yield database
                self.error = None
            except Exception as error:
                self._complain(error)

    @contextmanager
    def _appending(self) -> Iterator[FollowedDatabase]:
        """Lend the journal to whoever holds the lock; raise `unavailable` where it does not take what is appended."""
        try:
            database = self._opened()
            self._refuse_if_changed(database)
            yield database
            self._refuse_if_changed(database)
        except self.unavailable:
            raise
        except Exception as error:
            self._complain(error)
            raise self.unavailable(first_line(error)) from error
        self.error = None

    def _opened(self) -> FollowedDatabase:
        if self._database is None:
            self._database = self._connect(self._place)
        return self._database

    def _refuse_if_changed(self, database: FollowedDatabase) -> None:
        """Refuse what goes, or went, to a file that others changed: nobody might read it again."""
        if (change := database.file_change()) is not None:
            self._leave(database, change)
            raise self.unavailable(f"its file was {change} meanwhile")

    def _leave(self, database: FollowedDatabase, change: "FileChange") -> None:
        database.leave(change)
        _LOG.error(
            "journal %s was %s; %s go to the file of that name from now on", database.name, change, self.kind
        )
        self._forget()

    def _complain(self, error: Exception) -> None:
        message = first_line(error)
        if self.error is None:
            _LOG.error(
                "%s cannot be read or kept (%s); predictions go on with what is known", self.kind, message
            )
        self.error = message
        # The log of a database whose file cannot be let go of would go into what stands under its name.
        if self._database is not None and not isinstance(error, OSError):
            self._database.close()
