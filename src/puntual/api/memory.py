"""Keeps a worker small and its answers even: what loading left behind is given back, what stays is left in peace."""

import ctypes
import gc
import mmap
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_MAPPINGS = Path("/proc/self/maps")


def return_at_once() -> None:
    """Have Polars return memory as soon as it is free; it holds only if said before Polars is loaded."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")


def settle() -> None:
    """Take what is loaded out of the garbage collector's rounds, and give back what loading left.

    A full round looks at every object of the loaded libraries and tables, which holds all requests up for tens of
    milliseconds.
    """
    gc.collect()
    gc.freeze()
    # Answers leave hardly any rings of references behind, so rings are looked for less often than by default.
    gc.set_threshold(20_000, 20, 20)
    give_back()


def give_back() -> None:
    """Return freed memory, and the code that has not been needed lately, to the system."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    library.malloc_trim(0)
    for start, length in _code():
        # Most code of the libraries is for loading alone; what answers need comes back at its next use.
        library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), mmap.MADV_DONTNEED)


def _code() -> Iterator[tuple[int, int]]:
    """Give where files with code are mapped, read-only: pages that the system can read again at any time."""
    for line in _MAPPINGS.read_text().splitlines():
        addresses, permissions, _, _, inode, *_ = line.split(maxsplit=5)
        if permissions == "r-xp" and inode != "0":
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end - start
