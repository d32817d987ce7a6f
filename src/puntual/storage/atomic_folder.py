"""A folder of files that appears whole or not at all, whoever is killed meanwhile."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puntual.errors import StorageError
from puntual.storage.file_lock import file_lock
from puntual.storage.os_errors import translate_os_errors

_LOCK = ".lock"


def require_vacant(path: Path) -> None:
    """Refuse a place where anything is but an empty folder; raise StorageError."""
    with translate_os_errors(str(path)):
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise StorageError(
                f"{path}: it is there already; expected a new folder; name another, or remove it"
            )


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a folder to write into that takes its place at `path` once the block has ended without an error.

    What a killed writer left is cleared by the next one. Raise StorageError where something stands at `path` already,
    or where it cannot be written.
    """
    require_vacant(path)
    draft = path.with_name(f".{path.name}.unfinished")
    with translate_os_errors(str(path)):
        draft.mkdir(parents=True, exist_ok=True)
    with file_lock(draft / _LOCK):
        # Whoever held the lock may have finished.
        require_vacant(path)
        try:
            with translate_os_errors(str(path)):
                _clear(draft)
            yield draft
            with translate_os_errors(str(path)):
                (draft / _LOCK).unlink()
                draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def flush(path: Path) -> None:
    """Have the system put a file on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear(draft: Path) -> None:
    for left in draft.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()
