"""Shares the flights of a large batch out among threads, one to each core: compiled kernels do not hold each other up."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from puntual.features.kernel import is_compiled

# Fewer flights than this are done before another thread has woken up.
SHARE = 8_192
# More are done one share after another, and what is made on the way stays small.
_LARGEST = 65_536
# Shares for each thread, so that none waits long for the last.
_PER_THREAD = 4


def in_shares(flights: int, work: Callable[[slice], object]) -> None:
    """Call `work` with slices that make up so many flights, in several threads where that pays."""
    workers = min(threads(), flights // SHARE)
    if workers < 2:
        for start in range(0, flights, _LARGEST):
            work(slice(start, min(start + _LARGEST, flights)))
        return
    size = min(max(SHARE, -(-flights // (_PER_THREAD * workers))), _LARGEST)
    shares = (slice(start, min(start + size, flights)) for start in range(0, flights, size))
    with ThreadPoolExecutor(workers, thread_name_prefix="puntual-features") as pool:
        # What fails is raised as its turn comes.
        list(pool.map(work, shares))


def threads() -> int:
    """Count the cores that this process may use, of which OMP_NUM_THREADS may leave it fewer; 1 where interpreted."""
    if not is_compiled():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(allowed)) if allowed.isdigit() and int(allowed) else cores
