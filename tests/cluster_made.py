"""Clusters for tests: this process alone, or a scheduler and workers as processes; and tables in several files."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flights_made import make_flights

MAP = """
[flights]
airline = "airline"
flight_number = "flight_number"
origin = "origin"
destination = "destination"
scheduled_departure = "scheduled_departure"
tail = "tail"
[operation]
departed = "departed"
cancelled = "cancelled"
"""


class HereAlone:
    """Carries out tasks one after another in this process, and remembers which."""

    def __init__(self) -> None:
        self.carried_out: list[str] = []

    def run(
        self, step: str, tasks: Sequence[Any], _progress: Callable[..., object] | None = None
    ) -> list[Any]:
        self.carried_out += [f"{step}-{task.name}" for task in tasks]
        return [task.function(*task.arguments) for task in tasks]

    def run_on_largest(
        self, step: str, task: Any, _topic: str, _progress: Callable[..., object] | None = None
    ) -> Any:
        (result,) = self.run(step, [task])
        return result

    def require(self, look: Callable[[], bool], what: str) -> None:
        assert look(), what


def table_with_turns(days: int = 80, per_day: int = 15) -> pl.DataFrame:
    """Made flights of aircraft that turn up at one airport after the other; of every seventh it is not known which."""
    flights = make_flights(days, per_day)
    place = pl.int_range(pl.len())
    return flights.with_columns(tail=pl.when(place % 7 > 0).then(pl.format("N{}", place % 4)))


def same_bits(ours: Path, theirs: Path) -> None:
    """Require two folders of vectors to hold the same files with the same bits."""
    files = [
        sorted(path.relative_to(folder) for path in folder.rglob("*.parquet")) for folder in (ours, theirs)
    ]
    assert files[0] == files[1] and files[0]
    for file in files[0]:
        one, other = (pl.read_parquet(folder / file, hive_partitioning=False) for folder in (ours, theirs))
        assert one.schema == other.schema
        numbers = [name for name, dtype in one.schema.items() if dtype == pl.Float32]
        assert one.drop(numbers).equals(other.drop(numbers))
        np.testing.assert_array_equal(
            one.select(numbers).to_numpy().view(np.uint32),
            other.select(numbers).to_numpy().view(np.uint32),
            str(file),
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """A scheduler and workers of this machine, each a process of its own; by TLS where `settings` tell of it."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        protocol = "tcp" if settings is None else "tls"
        self.folder, self.address = folder, f"{protocol}://127.0.0.1:{free_port()}"
        self.environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"} | (settings or {})
        self.workers: list[subprocess.Popen[bytes]] = []
        where = ("--host", "127.0.0.1", "--port", self.address.rpartition(":")[2])
        self.scheduler = self._start("scheduler", "--protocol", protocol, *where, "--dashboard-address", ":0")

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker with one thread, by default without anybody who would start it again."""
        usual = ("--nthreads", "1", "--local-directory", str(self.folder), "--death-timeout", "60")
        worker = self._start("worker", self.address, *usual, *(options or ("--no-nanny",)))
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words]
        with (self.folder / f"{words[0]}-{len(self.workers)}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)


@contextmanager
def processes(
    folder: Path, workers: int = 2, settings: Mapping[str, str] | None = None
) -> Iterator[Processes]:
    """Start a scheduler and workers, and end them."""
    started = Processes(folder, settings)
    try:
        for _ in range(workers):
            started.add_worker()
        yield started
    finally:
        started.stop()


def wait_until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for what another process does; fail where it never does."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
