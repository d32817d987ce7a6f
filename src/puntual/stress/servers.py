"""Starts a server to be asked, waits until it answers, watches what it takes, and ends it."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from puntual.errors import StressTestError
from puntual.stress.processors import pinned
from puntual.stress.results import Usage

_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 20.0
_LOOK_SECONDS = 0.2


@dataclass
class Running:
    """A server that answers: its URL, its process, and how long it took to get ready, in seconds."""

    url: str
    process: psutil.Process
    ready_seconds: float
    _peak: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def usage(self) -> Usage:
        """Say what the server and its workers have taken so far."""
        self._look()
        cpu = sum(sum(one.cpu_times()[:2]) for one in self._family())
        return Usage(cpu_seconds=cpu, peak_rss_mb=self._peak / 1e6)

    def rss_mb(self) -> list[float]:
        """Give what each process of the server holds in memory now, in MB."""
        return [one.memory_info().rss / 1e6 for one in self._family()]

    def watch(self) -> None:
        """Look at the memory again and again, until the server ends."""
        while not self._ended.wait(_LOOK_SECONDS):
            self._look()

    def unwatch(self) -> None:
        """Look no more."""
        self._ended.set()

    def _look(self) -> None:
        with contextlib.suppress(psutil.Error):
            self._peak = max(self._peak, sum(one.memory_info().rss for one in self._family()))

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def started(
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    ready: str = "/",
    settings: Mapping[str, str] | None = None,
    cpu: int | None = None,
) -> Iterator[Running]:
    """Run a server while the block lasts; it is ready once it answers `ready` with any status below 500.

    Raise StressTestError, with the end of its log, when it does not get there.
    """
    environment = os.environ | dict(settings or {})
    began = time.perf_counter()
    with log.open("wb") as output, pinned(cpu):
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url + ready, process, log)
        running = Running(url, psutil.Process(process.pid), time.perf_counter() - began)
        watcher = threading.Thread(target=running.watch, daemon=True)
        watcher.start()
        try:
            yield running
        finally:
            running.unwatch()
            watcher.join()
    finally:
        _end(process)


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    with httpx.Client(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return
            if process.poll() is not None:
                raise StressTestError(f"the server ended with status {process.returncode}: {_tail(log)}")
            time.sleep(0.01)
    raise StressTestError(f"the server was not ready after {_SECONDS_TO_START:.0f} s: {_tail(log)}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    # The group, since some servers leave their workers behind.
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-800:].strip() or "it printed nothing"
