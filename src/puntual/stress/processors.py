"""Keeps a process to one processor, so that a server and the load on it do not take each other's time."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """Have the processes that start meanwhile run on one processor alone, where the system can; None leaves them."""
    own = psutil.Process()
    if cpu is None or not hasattr(own, "cpu_affinity"):
        yield
        return
    before = own.cpu_affinity()
    own.cpu_affinity([cpu])
    try:
        yield
    finally:
        own.cpu_affinity(before)
