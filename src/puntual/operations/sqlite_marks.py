"""Marks by which the file of a SQLite database is known again, though others may write over it in place.

They stand in its first hundred bytes, which are right even while a process moves the write-ahead log into the file, or
was killed on the way. They are read by a descriptor that SQLite has open: one that is opened and closed by other
means takes SQLite's locks from all connections of the process.
"""

import os
import secrets
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Engine

from puntual.storage.file_lock import file_lock

_SIZE, _MAGIC = 100, b"SQLite format 3\0"
_MOST_DESCRIPTORS = 4_096


class Marks(NamedTuple):
    """What a journal was named at random, what only grows in it, and how large it is; 0 where it is not there yet."""

    name: int = 0
    schema: int = 0
    changes: int = 0
    size: int = 0

    def can_become(self, later: "Marks") -> bool:
        """Tell whether a file with these marks has those others once more was written to it."""
        return self.name in (0, later.name) and self.schema <= later.schema and self.changes <= later.changes


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


def read_marks(identity: tuple[int, int]) -> Marks | None:
    """Read the marks of the database of this device and inode, which SQLite has open.

    Without marks it is no database; None where it is not open, or where descriptors cannot be looked at.
    """
    if not hasattr(os, "pread"):
        return None
    for descriptor in range(_MOST_DESCRIPTORS):
        try:
            if _identity(descriptor) == identity:
                head = os.pread(descriptor, _SIZE, 0)
                # Meanwhile another thread may have closed it, and opened something else.
                if _identity(descriptor) == identity:
                    return _marks(head)
        except OSError:
            continue
    return None


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _marks(head: bytes) -> Marks:
    if len(head) < _SIZE or not head.startswith(_MAGIC):
        return Marks()

    def number(start: int, size: int = 4) -> int:
        return int.from_bytes(head[start : start + size], "big")

    # A page size of 65,536 does not fit, and is written as 1.
    page = {1: 65_536}.get(number(16, 2), number(16, 2))
    return Marks(number(60), number(40), number(24), number(28) * page)
