"""The files of a SQLite database, by which one that was deleted, replaced or written over is noticed."""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from puntual.operations.sqlite_marks import Marks, read_marks
from puntual.storage.file_lock import file_lock

FileChange = Literal["deleted or replaced", "overwritten"]
# A file that nobody has written for so long is whole.
_QUIET_SECONDS, _STALLED_SECONDS, _LOOK_SECONDS = 1.0, 30.0, 0.1
# Within it a second change may leave the times of a file as they were.
_CLOCK_TICK_SECONDS = 0.05


class SqliteFiles:
    """The database's file and the write-ahead log beside it, as they were when it was opened."""

    def __init__(self, file: Path) -> None:
        """Remember which files stand there now."""
        self._file = file
        self._identity = _identity(file)
        self._log = {path: _identity(path) for path in map(self._beside, ("-wal", "-shm"))}
        self._times: tuple[int, ...] | None = None
        self._marks = Marks()
        self.change()

    def change(self) -> FileChange | None:
        """Tell what became of the file, None for nothing; who still writes over it is waited for."""
        if self._identity is None or _identity(self._file) != self._identity:
            return "deleted or replaced"
        times = _times(self._file)
        if times == self._times:
            return None
        marks = read_marks(self._identity)
        if marks is None:
            return None
        if not self._marks.can_become(marks):
            self._wait_until_whole(self._identity)
            return "overwritten" if _identity(self._file) == self._identity else "deleted or replaced"
        self._marks = marks
        self._times = times if _seconds_since(times) > _CLOCK_TICK_SECONDS else None
        return None

    def detach(self) -> None:
        """Put what was written over the database into a file of its own, so that its log spoils another one.

        SQLite leaves a database alone that is no longer under its name. Raises OSError where that cannot be done.
        """
        with file_lock(self._beside_hidden(".lock"), mode=0o600):
            # Another worker may have done it.
            if _identity(self._file) != self._identity:
                return
            copy = self._beside_hidden(".restored")
            try:
                shutil.copy(self._file, copy)
                copy.replace(self._file)
            except OSError:
                copy.unlink(missing_ok=True)
                raise

    def remove_log(self) -> None:
        """Remove the log of the database that stood there: SQLite would take it for that of the one that stands now."""
        for path, identity in self._log.items():
            if identity is not None and _identity(path) == identity:
                with suppress(OSError):
                    path.unlink()

    def _wait_until_whole(self, identity: tuple[int, int]) -> None:
        """Wait until nobody writes over the file any more, and longer where it is not as large as it says to be."""
        while True:
            times, marks = _times(self._file), read_marks(identity)
            is_whole = not times or marks is None or marks.size <= times[-1]
            if _seconds_since(times) > (_QUIET_SECONDS if is_whole else _STALLED_SECONDS):
                return
            time.sleep(_LOOK_SECONDS)

    def _beside(self, suffix: str) -> Path:
        return self._file.with_name(self._file.name + suffix)

    def _beside_hidden(self, suffix: str) -> Path:
        return self._file.with_name(f".{self._file.name}{suffix}")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _times(path: Path) -> tuple[int, ...]:
    """Give what changes whenever a file is written to; nothing for one that is gone."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ctime_ns, status.st_mtime_ns, status.st_size


def _seconds_since(times: tuple[int, ...]) -> float:
    return (time.time_ns() - times[0]) / 1e9 if times else float("inf")
