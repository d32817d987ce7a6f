"""The buckets of a server's workers, in a file that all of them have mapped: a key has one rate, whoever answers it.

Each bucket is three numbers of eight bytes: a mark of the caller's name, its tokens, and the second of the machine's
clock at which they were counted. The system's lock of the file, which ends with whoever holds it, keeps workers apart.
"""

import fcntl
import hashlib
import mmap
import os
from pathlib import Path

from puntual.api.auth.rate_limit import BucketState

NAME = "rates"
_NUMBER, _FIELDS = 8, 3
_SLOTS = 16_384
_BYTES = _SLOTS * _FIELDS * _NUMBER


class _Lock:
    """The lock of an open file; cheaper to enter than a generator."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class SharedBuckets:
    """Buckets of several processes; beyond 16,384 callers, some share one."""

    def __init__(self, path: Path) -> None:
        """Map the file, which is made where it is missing; raise OSError where it cannot be."""
        # Open as long as the process lives.
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(file, _BYTES)
        self._lock = _Lock(file)
        memory = memoryview(mmap.mmap(file, _BYTES))
        self._marks, self._numbers = memory.cast("Q"), memory.cast("d")
        self._places: dict[str, int] = {}

    def hold(self, name: str) -> _Lock:
        """Let no other process change a bucket meanwhile."""
        if name not in self._places:
            with self._lock:
                self._places[name] = self._claim(name)
        return self._lock

    def get(self, name: str) -> BucketState | None:
        """Give the bucket of a caller that is held, if it has one."""
        place = self._places[name]
        tokens, since = self._numbers[place + 1], self._numbers[place + 2]
        # The clock of a machine that is up says more than zero.
        return (tokens, since) if since else None

    def set(self, name: str, bucket: BucketState) -> None:
        """Keep the bucket of a caller that is held."""
        place = self._places[name]
        self._numbers[place + 1], self._numbers[place + 2] = bucket

    def _claim(self, name: str) -> int:
        """Find where the bucket of a caller stands, or take the next place that is free."""
        mark = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_NUMBER).digest()) or 1
        for step in range(_SLOTS):
            place = (mark + step) % _SLOTS * _FIELDS
            if self._marks[place] in (0, mark):
                self._marks[place] = mark
                return place
        return mark % _SLOTS * _FIELDS
