"""The files of a SQLite database, by which one that was deleted or replaced is noticed."""

from contextlib import suppress
from pathlib import Path


class SqliteFiles:
    """The database's file and the write-ahead log beside it, as they were when it was opened."""

    def __init__(self, file: Path) -> None:
        """Remember which files stand there now."""
        self._file = file
        self._identity = _identity(file)
        self._log = {path: _identity(path) for path in map(self._beside, ("-wal", "-shm"))}

    def were_replaced(self) -> bool:
        """Tell whether the database's name leads to another file now, or to none."""
        return _identity(self._file) != self._identity

    def remove_log(self) -> None:
        """Remove the log of the database that stood there: SQLite would take it for that of the one that stands now."""
        for path, identity in self._log.items():
            if identity is not None and _identity(path) == identity:
                with suppress(OSError):
                    path.unlink()

    def _beside(self, suffix: str) -> Path:
        return self._file.with_name(self._file.name + suffix)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
