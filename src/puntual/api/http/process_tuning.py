"""Keeps a worker small and its answers even: what loading left behind is given back, what stays is left in peace."""

import ctypes
import gc
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

_MAPPINGS = Path("/proc/self/smaps")
_MAPPING = re.compile(r"^([0-9a-f]+-[0-9a-f]+ .*)\n(?:[A-Z].*\n)*?Anonymous: +(\d+) kB", re.MULTILINE)
# From mman.h of Linux, and malloc.h of glibc.
_DONTNEED = 4
_HEAPS_AT_MOST = -8
_SWITCH_SECONDS = 0.0005
# Objects that come before a round among the youngest, such rounds before one among those that outlived one, and what
# never comes: full rounds have their own time. With more of the first, the second would take tens of milliseconds.
_ROUNDS = (700, 10, 1_000_000_000)
_QUIET_SHARE = 0.05
_STEPS_BACK = 5
_LEAST_SECONDS, _MOST_SECONDS = 60.0, 600.0


def prepare() -> None:
    """Let one thread multiply matrices, and load without the garbage collector, whose rounds take a tenth of the start.

    Called before numpy is loaded, which reads its setting then; `settle` turns the collector on again.
    """
    gc.disable()
    # A worker answers with one thread, and workers beside each other share the processors already.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def settle() -> None:
    """Take what is loaded out of the garbage collector's rounds, and give back what loading left.

    A full round looks at every object of the loaded libraries and tables, which holds all requests up for tens of
    milliseconds. Not even one is made: it would find a third of a megabyte.
    """
    _load_countries_singly()
    gc.freeze()
    gc.set_threshold(*_ROUNDS)
    gc.enable()
    # How long an answer may have to wait for a thread that writes the journal or the log.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Threads that start from now on share one: each of its own keeps what the longest request in it needed.
    _call("mallopt", _HEAPS_AT_MOST, 1)
    give_back()


def _load_countries_singly() -> None:
    """Let a country's holidays be loaded without those of all others, which take 9 MB and which nobody asks about.

    The package of countries does nothing but name what its modules hold, so its own code need not run.
    """
    package = find_spec("holidays.countries")
    if package is not None and package.name not in sys.modules:
        sys.modules[package.name] = module_from_spec(package)


def step_back() -> None:
    """Let the event loop, and whoever answers at once, come before this thread, which works on long answers.

    On Linux a thread has a priority of its own; elsewhere nothing is done.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _STEPS_BACK)


def give_back() -> None:
    """Return freed memory, and the code that has not been needed lately, to the system."""
    _call("malloc_trim", 0)
    for start, length in _code():
        # Most code of the libraries is for loading alone; what answers need comes back at its next use.
        _call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(length), _DONTNEED)


class FullRounds:
    """Full rounds of the garbage collector, which hold up all requests: in a quiet moment, or after ten minutes.

    The boards of some busy airports are a hundred thousand objects; left alone, the collector looks at all of them in
    the middle of an answer, for 30 to 70 ms.
    """

    def __init__(self) -> None:
        """Begin to look for quiet moments."""
        self._looked, self._spent = time.monotonic(), time.process_time()
        self._last = self._looked

    def look(self) -> bool:
        """Do a round if the process was quiet since the last look, or could not for too long; tell whether."""
        now, spent = time.monotonic(), time.process_time()
        is_quiet = spent - self._spent < _QUIET_SHARE * (now - self._looked)
        self._looked, self._spent = now, spent
        if now - self._last < (_LEAST_SECONDS if is_quiet else _MOST_SECONDS):
            return False
        gc.collect()
        self._last = now
        return True


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library where it has it; these only save memory, so what they return is all one."""
    function = getattr(ctypes.CDLL(None), name, None)
    if sys.platform == "linux" and function is not None:
        function(*arguments)


def _code() -> Iterator[tuple[int, int]]:
    """Give where libraries are mapped and were never written to: pages that can be read again at any time.

    Other files come and go, and what takes their place meanwhile must not be touched; libraries stay.
    """
    if not _MAPPINGS.exists():
        return
    for head, anonymous in _MAPPING.findall(_MAPPINGS.read_text()):
        addresses, permissions, *_, file = head.split()
        # What the linker wrote into a mapping is in no file.
        if permissions in ("r-xp", "r--p") and ".so" in Path(file).suffixes and anonymous == "0":
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end - start
