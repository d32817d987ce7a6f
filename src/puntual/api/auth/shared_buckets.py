"""The buckets of a server's workers, in a file that all of them have mapped: a key has one rate, whoever answers it.

Each bucket is three numbers of eight bytes: a mark of the caller's name, its tokens, and the second of the machine's
clock at which they were counted. Two workers never change one bucket at a time: the system's lock of its bytes, which
ends with whoever holds it, keeps them apart.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from puntual.api.auth.rate_limit import Bucket

NAME = "rates"
_NUMBER, _FIELDS = 8, 3
_SLOTS = 16_384
_BYTES = _SLOTS * _FIELDS * _NUMBER


class SharedBuckets:
    """Buckets of several processes; beyond 16,384 callers, some share one."""

    def __init__(self, path: Path) -> None:
        """Map the file, which is made where it is missing; raise OSError where it cannot be."""
        # Open as long as the process lives: closing it would let go of its locks.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(self._file, _BYTES)
        memory = memoryview(mmap.mmap(self._file, _BYTES))
        self._marks, self._numbers = memory.cast("Q"), memory.cast("d")
        self._places: dict[str, int] = {}

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Let no other process change the bucket of a caller meanwhile."""
        return self._locked(self._place(name) * _NUMBER, _FIELDS * _NUMBER)

    def get(self, name: str) -> Bucket | None:
        """Give the bucket of a caller, if it has one."""
        place = self._place(name)
        tokens, since = self._numbers[place + 1], self._numbers[place + 2]
        # The clock of a machine that is up says more than zero.
        return (tokens, since) if since else None

    def set(self, name: str, bucket: Bucket) -> None:
        """Keep the bucket of a caller."""
        place = self._place(name)
        self._numbers[place + 1], self._numbers[place + 2] = bucket

    def _place(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            with self._locked(0, _BYTES):
                place = self._places[name] = self._claim(name)
        return place

    def _claim(self, name: str) -> int:
        mark = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_NUMBER).digest()) or 1
        for step in range(_SLOTS):
            place = (mark + step) % _SLOTS * _FIELDS
            if self._marks[place] in (0, mark):
                self._marks[place] = mark
                return place
        return mark % _SLOTS * _FIELDS

    @contextmanager
    def _locked(self, start: int, length: int) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX, length, start)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, length, start)
