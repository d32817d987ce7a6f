"""How much memory a training may use, and how many rows can be fitted in it."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FEWEST_ROWS = 1_000
# What fitting takes for each row beside what the libraries hold, at its hungriest: a forest's or a network's copies.
BYTES_A_ROW = 2_000
_SHARE = 0.5
_LEAST_ROWS = 125_000
_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_FILES = ("memory.max", "memory/memory.limit_in_bytes")


def default_rows() -> int:
    """Give how many rows fitting may see by the memory that is available now, in powers of two.

    Rounded so, it is the same on the same machine whatever else runs there for the moment.
    """
    return rows_within(min(_limits(), default=sys.maxsize))


def rows_within(free: int) -> int:
    """Give how many rows can be fitted in half of so many bytes.

    >>> rows_within(16 * 2**30), rows_within(10**9), rows_within(0)
    (4000000, 250000, 125000)
    """
    rows = _LEAST_ROWS
    while 2 * rows * BYTES_A_ROW <= free * _SHARE:
        rows *= 2
    return rows


def _limits() -> Iterator[int]:
    """Give the bytes that the system has left, that a container may use and that this process may hold."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
    for path in _limit_files():
        with suppress(OSError, ValueError):
            yield int(path.read_text())
    if sys.platform != "win32":
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            soft, _ = resource.getrlimit(kind)
            if soft != resource.RLIM_INFINITY:
                yield soft


def _limit_files() -> Iterator[Path]:
    """Name the files in which the control groups of this process say what they allow, of either version."""
    yield from (_CGROUPS / name for name in _MEMORY_FILES)
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:
                yield _CGROUPS / group.lstrip("/") / "memory.max"
            elif "memory" in controllers.split(","):
                yield _CGROUPS / "memory" / group.lstrip("/") / "memory.limit_in_bytes"
