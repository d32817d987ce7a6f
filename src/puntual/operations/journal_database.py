"""Where the journal is kept: a database behind SQLAlchemy Core."""

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NoSuchModuleError

from puntual.errors import JournalError
from puntual.operations.journal_line import COLUMNS, Line
from puntual.operations.journal_migration import migrate
from puntual.operations.journal_schema import PREDICTIONS
from puntual.operations.sqlite_files import SqliteFiles
from puntual.storage.state_folder import make_private

_BUSY_MILLISECONDS = 2_000
_CACHE_KIB = 256
# Twenty parameters a row; databases take some tens of thousands in a statement, and keep each statement that they saw.
_ROWS = 100
# What one statement removes, so that no writer waits for long.
_REMOVED_AT_ONCE = 500
# What a line is refused with for what it holds, be it by the database, its driver or Python's.
_REFUSALS = (DataError, IntegrityError, UnicodeError, OverflowError)


class Database:
    """Opened at the first use, and again after a failure."""

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

    def insert(self, lines: Sequence[Line]) -> None:
        """Insert all lines or none; raise what the driver raises."""
        engine = self._open()
        with engine.begin() as connection:
            if not engine.dialect.positional:
                rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
                connection.execute(sa.insert(PREDICTIONS), rows)
                return
            # Row by row, the driver would hand the interpreter back and forth between this thread and the answers.
            whole = len(lines) - len(lines) % _ROWS
            many, one = (_insertion(engine.dialect, rows) for rows in (_ROWS, 1))
            for start in range(0, whole, _ROWS):
                connection.exec_driver_sql(many, tuple(chain.from_iterable(lines[start : start + _ROWS])))
            if whole < len(lines):
                connection.exec_driver_sql(one, list(lines[whole:]))

    def remove_before(self, moment: str) -> int:
        """Remove some of the predictions answered before a moment, the oldest first, and count them.

        Only as many as a short transaction takes are removed; call it until nothing is. Raises what the driver raises.
        """
        # The oldest have the lowest ids, so neither an index nor a walk through the table is needed.
        oldest = (
            sa.select(PREDICTIONS.c.id, PREDICTIONS.c.answered)
            .order_by(PREDICTIONS.c.id)
            .limit(_REMOVED_AT_ONCE)
            .subquery()
        )
        ids = sa.select(oldest.c.id).where(oldest.c.answered < moment)
        with self._open().begin() as connection:
            return connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.id.in_(ids))).rowcount

    def is_refusal(self, error: Exception) -> bool:
        """Tell whether an insertion failed for what a line holds, rather than for a database that is away."""
        return isinstance(error, _REFUSALS)

    def was_replaced(self) -> bool:
        """Tell whether the file that is written is no longer the one of its name; never for a server's database."""
        return self._opened is not None and self._files is not None and self._files.were_replaced()

    def leave(self) -> None:
        """Let go of a file that was replaced, whole, and of the log beside it that belongs to no other."""
        if self._opened is None or self._files is None:
            return
        with suppress(sa.exc.SQLAlchemyError), self._opened.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint")
        self.close()
        self._files.remove_log()

    def close(self) -> None:
        """Let go of all connections."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def _open(self) -> Engine:
        if self._opened is None:
            if self._state is not None:
                make_private(self._state)
            self._opened = _open(self._url)
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


@lru_cache(maxsize=4)
def _insertion(dialect: sa.Dialect, rows: int) -> str:
    """Write the statement that inserts so many rows at once."""
    one = str(sa.insert(PREDICTIONS).values(dict.fromkeys(COLUMNS)).compile(dialect=dialect))
    head, word, values = one.partition("VALUES ")
    return head + word + ", ".join([values] * rows)


def _open(url: URL) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    file = _file_of(url)
    if file is not None:
        _create_private(file)
    engine = sa.create_engine(url, pool_pre_ping=not is_sqlite)
    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    try:
        migrate(engine, file)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _file_of(url: URL) -> Path | None:
    """Name the file of a database; None for one of a server, in memory, or by a URI of SQLite's own."""
    is_file = url.get_backend_name() == "sqlite" and url.database and "uri" not in url.query
    return Path(url.database) if is_file and url.database and url.database != ":memory:" else None


def _create_private(file: Path) -> None:
    """Create a file that only its owner can read; SQLite gives those that it puts beside it the same permissions."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # One that is there is not opened: closing it would take SQLite's locks from it.
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: Any, _: object) -> None:
    # With the write-ahead log readers and the writers of several workers do not wait for each other's reads.
    # Lines are only ever added, so there is nothing to keep pages in memory for.
    settings = ("journal_mode=WAL", "synchronous=NORMAL", f"cache_size=-{_CACHE_KIB}")
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", *settings):
        connection.execute(f"PRAGMA {pragma}")
