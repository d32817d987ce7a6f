"""Running a piece of work in a process of its own, watched, and under a limit of memory where the system makes one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale.memory import watching

_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: seconds by the clock and of processors, and anonymous memory in bytes at its peak."""

    rows: int
    seconds: float
    processor_seconds: float
    peak_bytes: int


class FailedError(RuntimeError):
    """A piece of work that did not end well, and the end of what it said."""


def run(name: str, table: Path, *words: str, group: Path | None = None, python: str = sys.executable) -> Cost:
    """Run a piece of work by `benchmarks.scale.work`; in a control group, where one is given."""
    command = [python, "-m", "benchmarks.scale.work", name, str(table), *words]
    return run_command(command, group)


def run_command(command: list[str], group: Path | None = None) -> Cost:
    """Run a command that prints a cost as JSON on its last line."""

    def join() -> None:
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=join
        ) as process,
        watching(process.pid) as peaks,
    ):
        output, errors = process.communicate()
    if process.returncode:
        raise FailedError(f"{' '.join(command[2:5])} ended with {process.returncode}: {errors[-800:]}")
    cost = json.loads(output.splitlines()[-1])
    return Cost(cost["rows"], cost["seconds"], cost["processor_seconds"], peaks.highest)


@contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """Give a control group whose processes may hold so many bytes; raise OSError where none can be made."""
    old = _GROUPS / "memory"
    group = (old if old.is_dir() else _GROUPS) / f"puntual-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if old.is_dir() else "memory.max")).write_text(str(limit))
        yield group
    finally:
        group.rmdir()
