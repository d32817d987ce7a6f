"""How much memory this process may have, by what the machine holds and container and limits allow.

What is free for the moment does not count: the same machine gives the same answer, whatever else runs on it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_FILES = ("memory.max", "memory/memory.limit_in_bytes")


def whole_memory() -> int:
    """Give the bytes of this machine, or those that this process is allowed where that is less.

    A system that does not say what it has (Windows) bounds nothing.
    """
    return min(_limits(), default=sys.maxsize)


def _limits() -> Iterator[int]:
    """Give the bytes that the machine has, that a container may use and that this process may hold."""
    with suppress(AttributeError, OSError, ValueError):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
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
