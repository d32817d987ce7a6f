"""How much memory a process holds at most, by what the system tells of it many times a second.

Anonymous memory alone is counted: pages of files that are mapped the system can take back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

_EVERY = 0.01


@dataclass
class Peaks:
    """The highest anonymous memory in bytes, and the seconds, of each step of some work; `step` is the current one."""

    step: str = "start"
    peak: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def highest(self) -> int:
        """The highest of all steps."""
        return max(self.peak.values())

    def note(self, held: int, seconds: float) -> None:
        """Take in what is held now, and the time since the last look."""
        step = self.step
        self.peak[step] = max(self.peak.get(step, 0), held)
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds


@contextmanager
def watching(process: int | str = "self") -> Iterator[Peaks]:
    """Watch a process while the block runs."""
    peaks, ended = Peaks(), threading.Event()

    def watch() -> None:
        before = perf_counter()
        while not ended.wait(_EVERY):
            now = perf_counter()
            peaks.note(anonymous(process), now - before)
            before = now

    watcher = threading.Thread(target=watch, daemon=True)
    peaks.note(anonymous(process), 0.0)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def anonymous(process: int | str = "self") -> int:
    """Give the anonymous memory that a process and those it began hold, in bytes; 0 for one that has ended."""
    folder = Path(f"/proc/{process}")
    try:
        lines = (folder / "status").read_text().splitlines()
        children = {child for begun in folder.glob("task/*/children") for child in begun.read_text().split()}
    except OSError:
        return 0
    # A process that has ended but was not waited for has none.
    own = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return own + sum(anonymous(child) for child in children)
