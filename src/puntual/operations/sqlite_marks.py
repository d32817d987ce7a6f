"""Marks by which the file of a SQLite database is known again, though others may write over it in place.

They are read from the file itself, past the write-ahead log beside it, and through SQLite: a file that is opened and
closed by other means takes SQLite's locks from all connections of the process.
"""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from sqlalchemy.engine import Engine

from puntual.storage.file_lock import file_lock

# What is read of which table, and what stands for it where there is none.
_STATEMENTS = (
    ("", "PRAGMA user_version", (0,)),
    ("", "PRAGMA schema_version", (0,)),
    ("events", "SELECT seq FROM sqlite_sequence WHERE name = 'events'", (0,)),
    ("predictions", "SELECT id, answered FROM predictions ORDER BY id DESC LIMIT 1", (0, "")),
)


class Marks(NamedTuple):
    """What a journal was named at random, and what only grows in it; 0 where it is not there yet."""

    name: int = 0
    schema: int = 0
    newest_event: int = 0
    newest_prediction: int = 0
    answered: str = ""

    def can_become(self, later: "Marks") -> bool:
        """Tell whether a file with these marks has those others once more was written to it."""
        return (
            self.name in (0, later.name)
            and self.schema <= later.schema
            and self.newest_event <= later.newest_event
            and self._prediction_can_become(later)
        )

    def _prediction_can_become(self, later: "Marks") -> bool:
        # Where all predictions are too old and removed, their ids begin anew.
        is_new = not later.newest_prediction or later.answered >= self.answered
        return is_new or later.newest_prediction >= self.newest_prediction


def name_database(engine: Engine, file: Path) -> None:
    """Give a database a name of its own unless it has one; raise what the driver raises."""
    with engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA user_version").scalar():
            return
        with file_lock(file.with_name(f".{file.name}.lock"), mode=0o600):
            if not connection.exec_driver_sql("PRAGMA user_version").scalar():
                connection.exec_driver_sql(f"PRAGMA user_version={secrets.randbelow(2**31 - 1) + 1}")
                # From the log into the file, where it is looked for.
                connection.exec_driver_sql("PRAGMA wal_checkpoint")


def read_marks(file: Path) -> Marks | None:
    """Read the marks of a database's file; None where it is no database, or one that is being written."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?immutable=1", uri=True)) as connection:
            present = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            marks: list[Any] = []
            for table, statement, nothing in _STATEMENTS:
                row = connection.execute(statement).fetchone() if table in present | {""} else None
                marks += row or nothing
            return Marks(*marks)
    except sqlite3.Error:
        return None
