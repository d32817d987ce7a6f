"""The journal's predictions: written many at a time, and removed when they are too old."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_line import COLUMNS, JournalRow
from puntual.operations.journal_schema import EVENTS, PREDICTIONS

# Twenty parameters a row; databases take some tens of thousands in a statement, and keep each statement that they saw.
_ROWS = 100
# What one statement removes, so that no writer waits for long.
_REMOVED_AT_ONCE = 500
# What a line is refused with for what it holds, be it by the database, its driver or Python's.
_REFUSALS = (DataError, IntegrityError, UnicodeError, OverflowError)


class Database(JournalEngine):
    """The table of predictions, and the removal of what is too old of all tables."""

    def insert(self, lines: Sequence[JournalRow]) -> None:
        """Insert all lines or none; raise what the driver raises."""
        engine = self.open()
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
        """Remove some of the predictions answered and events received before a moment, the oldest first; count them.

        Only as many as a short transaction takes are removed; call it until nothing is. Raises what the driver raises.
        """
        with self.open().begin() as connection:
            return sum(
                connection.execute(_removal(table, received, moment)).rowcount
                for table, received in ((PREDICTIONS, PREDICTIONS.c.answered), (EVENTS, EVENTS.c.received))
            )

    def is_refusal(self, error: Exception) -> bool:
        """Tell whether an insertion failed for what a line holds, rather than for a database that is away."""
        return isinstance(error, _REFUSALS)


@lru_cache(maxsize=4)
def _insertion(dialect: sa.Dialect, rows: int) -> str:
    """Write the statement that inserts so many rows at once."""
    one = str(sa.insert(PREDICTIONS).values(dict.fromkeys(COLUMNS)).compile(dialect=dialect))
    head, word, values = one.partition("VALUES ")
    return head + word + ", ".join([values] * rows)


def _removal(table: sa.Table, received: sa.Column[str], moment: str) -> sa.Delete:
    # The oldest have the lowest ids, so neither an index nor a walk through the table is needed.
    oldest = (
        sa.select(table.c.id, received.label("received"))
        .order_by(table.c.id)
        .limit(_REMOVED_AT_ONCE)
        .subquery()
    )
    return sa.delete(table).where(table.c.id.in_(sa.select(oldest.c.id).where(oldest.c.received < moment)))
