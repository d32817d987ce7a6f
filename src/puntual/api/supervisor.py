"""Keeps several workers running: those that die or stand still are replaced, a first start that cannot work ends."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import cast

import uvicorn
from uvicorn.supervisors import Multiprocess

from puntual.api.worker import GRACE, Worker
from puntual.errors import PuntualError

_LOG = logging.getLogger("puntual.supervisor")
# A worker whose event loop has not turned for so many seconds is replaced.
_STANDSTILL = 5
# One that answered as long is replaced at once when it dies; the replacements of others wait twice as long each time.
_LONG_ENOUGH, _LONGEST_PAUSE = 10.0, 30.0


class Supervisor(Multiprocess):
    """The parent of the workers, which share its socket."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], announce: Callable[[str], object]
    ) -> None:
        """Supervise as many workers as the configuration says; the first to answer is announced with its model."""
        super().__init__(config, sockets)
        self._announce = announce
        self._serving = False
        self._failure: str | None = None

    def run(self) -> None:
        """Run until a signal ends it; raise PuntualError with the reason of a first start that cannot work."""
        super().run()
        if self._failure is not None:
            raise PuntualError(self._failure)

    def init_processes(self) -> None:
        """Start the workers."""
        for _ in range(self.processes_num):
            self._start(len(self.processes), attempt=0)

    def keep_subprocess_alive(self) -> None:
        """Look at each worker once, and replace those that have died or stand still."""
        workers = cast(list[Worker], self.processes)
        # Whether any has answered is to be known before one that died is replaced.
        for worker in workers:
            self._take_report(worker)
        for place, worker in enumerate(workers):
            if self.should_exit.is_set():
                return
            if worker.replaced_at is None and not worker.is_alive(_STANDSTILL):
                self._remove(worker)
            if worker.replaced_at is not None and time.monotonic() >= worker.replaced_at:
                self._start(place, attempt=1 if worker.answered_for(_LONG_ENOUGH) else worker.attempt + 1)

    def join_all(self) -> None:
        """Wait until the workers have ended, and kill those that do not in time: one that stands still never would."""
        end = time.monotonic() + (self.config.timeout_graceful_shutdown or 0) + GRACE
        for worker in self.processes:
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.is_alive():
                _LOG.error("worker %s does not end, and is killed", worker.pid)
                worker.kill()
            worker.join()

    def handle_hup(self) -> None:
        """Have the workers fetch the champion, where uvicorn would restart them."""
        for worker in self.processes:
            if worker.pid is not None and worker.process.is_alive():
                os.kill(worker.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Add a worker."""
        self.processes_num += 1
        self._start(len(self.processes), attempt=1)

    def _start(self, place: int, attempt: int) -> None:
        worker = Worker(self.config, self.sockets, attempt=attempt, is_replacement=self._serving)
        worker.start()
        self.processes[place : place + 1] = [worker]

    def _take_report(self, worker: Worker) -> None:
        report = worker.report()
        if report is None:
            return
        if not report.failed:
            worker.answering_since = time.monotonic()
            if not self._serving:
                self._serving = True
                self._announce(report.text)
        elif self._serving:
            _LOG.error("worker %s cannot start: %s", worker.pid, report.text)
        else:
            self._give_up(report.text)

    def _remove(self, worker: Worker) -> None:
        """Bury a worker that is dead, or stands still and is killed, and say when its replacement starts."""
        stands_still = worker.process.is_alive()
        worker.kill()
        worker.join()
        self._take_report(worker)
        if not self._serving and (worker.exitcode or 0) > 0:
            self._give_up(
                f"a worker ended with status {worker.exitcode} before it could answer; see its log above"
            )
            return
        pause = 0.0 if worker.answered_for(_LONG_ENOUGH) else min(_LONGEST_PAUSE, 2.0**worker.attempt - 1)
        worker.replaced_at = time.monotonic() + pause
        fate = f"stood still for {_STANDSTILL} s" if stands_still else f"died with status {worker.exitcode}"
        _LOG.error("worker %s %s; it is replaced in %g s", worker.pid, fate, pause)

    def _give_up(self, reason: str) -> None:
        self._failure = self._failure or reason
        self.should_exit.set()
