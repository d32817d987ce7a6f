"""One process at a time, by a lock that the system lets go of when its holder is killed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puntual.storage.state_folder import make_private


@contextmanager
def file_lock(path: Path, *, mode: int = 0o666) -> Iterator[None]:
    """Wait for the lock of a file, which is made with these permissions, less the umask, where it is missing.

    Raises OSError where it cannot be opened.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, mode)
    try:
        _wait_for(descriptor)
        yield
    finally:
        os.close(descriptor)


class SoleHolder:
    """A lock that the first process to ask keeps until it ends; the others never wait for it."""

    def __init__(self, path: Path) -> None:
        """Name the file, which is made where it is missing, in a folder that only its owner can open."""
        self._path = path
        self._descriptor: int | None = None

    def is_ours(self) -> bool:
        """Take the lock if nobody has it, and tell whether it is ours; raise OSError where it cannot be tried."""
        if self._descriptor is not None:
            return True
        make_private(self._path.parent)
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        if _takes(descriptor):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False


def _takes(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wait_for(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
