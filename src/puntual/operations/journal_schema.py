"""Where the journal is kept: a table of a database behind SQLAlchemy Core."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from puntual.errors import JournalError

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
_BUSY_MILLISECONDS = 2_000
_CACHE_KIB = 256
# Ten parameters a row; databases take some tens of thousands in a statement, and keep each statement that they saw.
_ROWS = 100


class Database:
    """Opened at the first insertion, and again after a failure."""

    def __init__(self, url: str) -> None:
        """Name the database; raise JournalError for a URL that cannot be one."""
        try:
            self._url = make_url(url)
            self._url.get_dialect()
        except (ArgumentError, NoSuchModuleError) as error:
            raise JournalError(
                "PUNTUAL_JOURNAL is no database URL that can be used; expected one such as "
                "sqlite:///state/journal.db or postgresql+psycopg://user@host/puntual"
            ) from error
        self._engine: Engine | None = None

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def insert(self, lines: Sequence[Line]) -> None:
        """Insert all lines or none; raise what the driver raises."""
        if self._engine is None:
            self._engine = _opened(self._url)
        with self._engine.begin() as connection:
            if not self._engine.dialect.positional:
                connection.execute(
                    sa.insert(PREDICTIONS), [dict(zip(_NAMES, line, strict=True)) for line in lines]
                )
                return
            # Row by row, the driver would hand the interpreter back and forth between this thread and the answers.
            whole = len(lines) - len(lines) % _ROWS
            many, one = (_insertion(self._engine.dialect, rows) for rows in (_ROWS, 1))
            for start in range(0, whole, _ROWS):
                connection.exec_driver_sql(many, tuple(chain.from_iterable(lines[start : start + _ROWS])))
            if whole < len(lines):
                connection.exec_driver_sql(one, list(lines[whole:]))

    def close(self) -> None:
        """Let go of all connections."""
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
    # Lines are only ever added, so there is nothing to keep pages in memory for.
    settings = ("journal_mode=WAL", "synchronous=NORMAL", f"cache_size=-{_CACHE_KIB}")
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", *settings):
        connection.execute(f"PRAGMA {pragma}")
