"""The journal's predictions: written many at a time, and removed when they are too old."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, count
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from puntual.operations.journal_engine import JournalEngine
from puntual.operations.journal_line import COLUMNS, JournalRow, Value
from puntual.operations.journal_schema import EVENTS, PREDICTIONS

# Twenty parameters a row; databases take some tens of thousands in a statement, and keep each statement that they saw.
_ROWS = 100
# What the lines of one request have in common, and most lines of many: a statement takes it once. To SQLite's driver a
# None is dearer than all else in a row.
_OF_A_REQUEST = ("answered", "request_id", "as_of", "model", "key_name", "peer")
_OF_MANY = ("as_of", "model", "key_name", "peer")
# What one statement removes, so that no writer waits for long.
_REMOVED_AT_ONCE = 500
# What a line is refused with for what it holds, be it by the database, its driver or Python's.
_REFUSALS = (DataError, IntegrityError, UnicodeError, OverflowError)

Pick = Callable[[JournalRow], tuple[Value, ...]]


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
            for start in range(0, whole, _ROWS):
                connection.exec_driver_sql(*_at_once(engine.dialect, lines[start : start + _ROWS]))
            if whole < len(lines):
                connection.exec_driver_sql(_insertion(engine.dialect, 1), list(lines[whole:]))

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


def _at_once(dialect: sa.Dialect, lines: Sequence[JournalRow]) -> tuple[str, tuple[Value, ...]]:
    """Give the statement that inserts lines, and its values: what they have in common, and what each has of its own."""
    for names, (common_of, own_of) in _SHARED.items():
        common = common_of(lines[0])
        if all(map(common.__eq__, map(common_of, lines))):
            values = (*common, *chain.from_iterable(map(own_of, lines)))
            return _insertion(dialect, len(lines), names), values
    return _insertion(dialect, len(lines)), tuple(chain.from_iterable(lines))


@lru_cache(maxsize=8)
def _insertion(dialect: sa.Dialect, rows: int, shared: tuple[str, ...] = ()) -> str:
    """Write the statement that inserts so many rows at once; its first values are those of the columns they share."""
    one = str(sa.insert(PREDICTIONS).values(dict.fromkeys(COLUMNS)).compile(dialect=dialect))
    head, word, _ = one.partition("VALUES ")
    return head + word + ", ".join(_places(rows, shared))


def _places(rows: int, shared: tuple[str, ...]) -> Iterator[str]:
    """Give the numbers of the values of each row, column by column, from 1 on."""
    own = count(len(shared) + 1)
    for _ in range(rows):
        places = (shared.index(name) + 1 if name in shared else next(own) for name in COLUMNS)
        yield f"({', '.join(f'?{place}' for place in places)})"


def _split(shared: tuple[str, ...]) -> tuple[Pick, Pick]:
    places = [COLUMNS.index(name) for name in shared]
    return itemgetter(*places), itemgetter(*(place for place in range(len(COLUMNS)) if place not in places))


_SHARED = {names: _split(names) for names in (_OF_A_REQUEST, _OF_MANY)}


def _removal(table: sa.Table, received: sa.Column[str], moment: str) -> sa.Delete:
    # The oldest have the lowest ids, so neither an index nor a walk through the table is needed.
    oldest = (
        sa.select(table.c.id, received.label("received"))
        .order_by(table.c.id)
        .limit(_REMOVED_AT_ONCE)
        .subquery()
    )
    return sa.delete(table).where(table.c.id.in_(sa.select(oldest.c.id).where(oldest.c.received < moment)))
