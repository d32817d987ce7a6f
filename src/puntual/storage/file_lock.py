"""One process at a time, by a lock that the system lets go of when its holder is killed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def _wait_for(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
