"""The append-only record of predictions: a database behind SQLAlchemy Core, written beside the request path.

Lines wait in memory and one thread writes them, many in a transaction. When the database cannot be written, lines
go on waiting up to a limit; beyond it the new ones are lost and counted, so that what is kept has no holes.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from puntual.errors import BadJournal

_LOG = logging.getLogger("puntual.journal")
# One row of `PREDICTIONS`, without its id.
Line = tuple[str, str, str | None, str, str, str, str, str, float, str]

_METADATA = sa.MetaData()
PREDICTIONS = sa.Table(
    "predictions",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("answered", sa.String(32), nullable=False, comment="UTC, ISO 8601"),
    sa.Column("request_id", sa.String(128), nullable=False),
    sa.Column(
        "as_of", sa.String(40), comment="the cut-off as it was asked for; null is the time of the answer"
    ),
    sa.Column("airline", sa.String(8), nullable=False),
    sa.Column("flight_number", sa.String(8), nullable=False),
    sa.Column("origin", sa.String(4), nullable=False),
    sa.Column("destination", sa.String(4), nullable=False),
    sa.Column("scheduled_departure", sa.String(32), nullable=False, comment="local to the origin, ISO 8601"),
    sa.Column("late_probability", sa.Double, nullable=False),
    sa.Column("model", sa.String(16), nullable=False, comment="version of the bundle"),
)
_NAMES = tuple(column.name for column in PREDICTIONS.columns if column.name != "id")
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_BUSY_MILLISECONDS = 2_000
# Ten parameters a row, and databases take some tens of thousands in a statement.
_ROWS = 500


class Journal:
    """Takes lines at the cost of an append, and writes them by a thread of its own."""

    def __init__(self, url: str, *, capacity: int = 100_000, batch: int = 2_000) -> None:
        """Name the database; raise BadJournal for a URL that cannot be one. Nothing is opened before `start`.

        `capacity` lines may wait; `batch` lines are written in one transaction.
        """
        try:
            self._url = make_url(url)
            self._url.get_dialect()
        except (ArgumentError, NoSuchModuleError) as error:
            raise BadJournal(
                "PUNTUAL_JOURNAL is no database URL that can be used; expected one such as "
                "sqlite:///state/journal.db or postgresql+psycopg://user@host/puntual"
            ) from error
        self._capacity, self._batch = capacity, batch
        self._waiting: deque[Line] = deque()
        self._engine: Engine | None = None
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

    def record_many(self, lines: Iterable[Line]) -> None:
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
        if self._engine is not None:
            self._engine.dispose()

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

    def _insert(self, lines: list[Line]) -> None:
        if self._engine is None:
            self._engine = _opened(self._url)
        with self._engine.begin() as connection:
            if not self._engine.dialect.positional:
                connection.execute(
                    sa.insert(PREDICTIONS), [dict(zip(_NAMES, line, strict=True)) for line in lines]
                )
                return
            # Row by row, the driver would hand the interpreter back and forth between this thread and the answers.
            for start in range(0, len(lines), _ROWS):
                rows = lines[start : start + _ROWS]
                statement = _insertion(self._engine.dialect, len(rows))
                connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))

    def _complain(self, error: Exception) -> None:
        # The driver's message may repeat the whole statement; its first line says what is wrong.
        message = str(getattr(error, "orig", None) or error).splitlines()[0]
        if self.error is None:
            _LOG.error(
                "journal %s cannot be written (%s); predictions go on, and up to %d lines wait",
                self._url.render_as_string(hide_password=True),
                message,
                self._capacity,
            )
        self.error = message
        self.failures += 1
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


@lru_cache(maxsize=4)
def _insertion(dialect: sa.Dialect, rows: int) -> str:
    """Write the statement that inserts so many rows at once."""
    one = str(sa.insert(PREDICTIONS).values(dict.fromkeys(_NAMES)).compile(dialect=dialect))
    head, word, values = one.partition("VALUES ")
    return head + word + ", ".join([values] * rows)


def _opened(url: sa.URL) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = sa.create_engine(url, pool_pre_ping=not is_sqlite)
    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    _create(engine)
    return engine


def _create(engine: Engine) -> None:
    """Create the table; of workers that start at once, those that come second find it there."""
    try:
        _METADATA.create_all(engine)
    except sa.exc.DatabaseError:
        if not sa.inspect(engine).has_table(PREDICTIONS.name):
            raise


def _prepare_sqlite(connection: Any, _: object) -> None:
    # With the write-ahead log readers and the writers of several workers do not wait for each other's reads.
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
