"""An engine of the journal's database: opened at the first use, and again after a failure."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from puntual.errors import JournalError
from puntual.operations.journal_migration import migrate
from puntual.operations.sqlite_files import FileChange, SqliteFiles
from puntual.operations.sqlite_marks import name_database
from puntual.storage.file_lock import file_lock
from puntual.storage.state_folder import make_private

_BUSY_MILLISECONDS = 2_000
_CACHE_KIB, _PAGE_BYTES = 256, 16_384


class JournalEngine:
    """Opened at the first use, and again after a failure; of SQLite it notices what others do to the file."""

    # Of SQLite: NORMAL may lose the last commits when the machine loses its power, FULL none.
    synchronous = "NORMAL"

    def __init__(self, place: str | Path) -> None:
        """Name the database by its URL, or a file of SQLite by its path; raise JournalError for what cannot be one."""
        self._url = URL.create("sqlite", database=str(place)) if isinstance(place, Path) else _read_url(place)
        self._state = place.parent if isinstance(place, Path) else None
        self._opened: Engine | None = None
        self._files: SqliteFiles | None = None

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def file_change(self) -> FileChange | None:
        """Tell what others did to the file that is written, None for nothing; never for a server's database.

        Who still writes over it is waited for.
        """
        return None if self._opened is None or self._files is None else self._files.change()

    def leave(self, change: FileChange) -> None:
        """Let go of a file that others changed, and of the log beside it that belongs to no other.

        One that was replaced is left whole; nothing is written to one that was overwritten. Raises OSError where it
        cannot be let go of yet.
        """
        if self._opened is None or self._files is None:
            return
        if change == "overwritten":
            self._files.detach()
        else:
            with suppress(sa.exc.SQLAlchemyError), self._opened.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint")
        # First the log: once it is let go of, the file of another's new log may bear its number.
        self._files.remove_log()
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def open(self) -> Engine:
        """Give the engine, migrating the database first where it has to be; raise what the driver raises."""
        if self._opened is None:
            if self._state is not None:
                make_private(self._state)
            self._opened = _open(self._url, self.synchronous)
            file = _file_of(self._url)
            self._files = None if file is None else SqliteFiles(file)
        return self._opened


def _read_url(text: str) -> URL:
    try:
        url = make_url(text)
        url.get_dialect().import_dbapi()
    except ImportError as error:
        raise JournalError(
            f"PUNTUAL_JOURNAL needs a driver that is not installed ({error}); for PostgreSQL run "
            "`pip install 'puntual[postgres]'` and write postgresql+psycopg://"
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise JournalError(
            "PUNTUAL_JOURNAL is no database URL that can be used; expected one such as "
            "sqlite:///state/journal.db or postgresql+psycopg://user@host/puntual"
        ) from error
    return url


def _open(url: URL, synchronous: str) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    file = _file_of(url)
    if file is not None:
        _create_private(file)
    engine = sa.create_engine(url, pool_pre_ping=not is_sqlite)
    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite(synchronous))
    try:
        migrate(engine, file)
        if file is not None:
            name_database(engine, file)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _file_of(url: URL) -> Path | None:
    """Name the file of a database; None for one of a server, in memory, or by a URI of SQLite's own."""
    is_file = url.get_backend_name() == "sqlite" and url.database and "uri" not in url.query
    return Path(url.database) if is_file and url.database and url.database != ":memory:" else None


def _create_private(file: Path) -> None:
    """Create a file that only its owner can read; SQLite gives those that it puts beside it the same permissions.

    It begins its log before anybody else opens it: SQLite waits for nobody then, and would refuse one of two at once.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file_lock(file.with_name(f".{file.name}.lock"), mode=0o600):
        try:
            # One that is there is not opened: closing it would take SQLite's locks from it.
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        with closing(sqlite3.connect(file)) as connection:
            # Many lines a page, so that fewer go through the log; of a journal that is there the size stays.
            connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            connection.execute("PRAGMA journal_mode=WAL")


def _prepare_sqlite(synchronous: str) -> Callable[[Any, object], None]:
    # With the write-ahead log readers and the writers of several workers do not wait for each other's reads.
    # Lines are only ever added, so there is nothing to keep pages in memory for.
    settings = ("journal_mode=WAL", f"synchronous={synchronous}", f"cache_size=-{_CACHE_KIB}")

    def prepare(connection: Any, _: object) -> None:
        for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", *settings):
            connection.execute(f"PRAGMA {pragma}")

    return prepare
