"""One of several processes that answer: it says what it serves, or why it cannot, and ends with its supervisor."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from typing import NamedTuple

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Process

from puntual.api.app import create_app
from puntual.api.http.gateway import Gateway
from puntual.errors import PuntualError
from puntual.settings import read_settings

# What the requests in flight may take beyond their drain once the supervisor is gone.
GRACE = 5.0


class Report(NamedTuple):
    """What a worker says once: what it serves, or why it cannot."""

    failed: bool
    text: str


class Worker(Process):
    """A process of the service, as its supervisor sees it and as it runs itself."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], *, attempt: int, is_replacement: bool
    ) -> None:
        """Describe a worker; `attempt` counts those in its place before it, but for such as answered for long."""
        self._reports, self._reporting = Pipe(duplex=False)
        self.attempt, self._is_replacement = attempt, is_replacement
        # On the supervisor's clock: when it began to answer, and when it is replaced, once it is dead.
        self.answering_since: float | None = None
        self.replaced_at: float | None = None
        super().__init__(config, sockets)

    def report(self) -> Report | None:
        """Give what the worker says, once; None where it says nothing, or nothing yet."""
        with contextlib.suppress(EOFError, OSError):
            if self._reports.poll():
                report: Report = self._reports.recv()
                return report
        return None

    def is_alive(self, timeout: float = 5) -> bool:
        """Tell whether it lives and, once it has begun to answer, whether its event loop turns.

        Before, its modules are loaded, which takes as long as it takes on a busy machine.
        """
        if self.answering_since is None:
            return self.process.is_alive()
        return super().is_alive(timeout)

    def answered_for(self, seconds: float) -> bool:
        """Tell whether it began to answer at least so many seconds ago."""
        return self.answering_since is not None and time.monotonic() - self.answering_since >= seconds

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the worker; an application that cannot be built is reported."""
        threading.Thread(target=self._follow_supervisor, daemon=True).start()
        threading.Thread(target=self.always_pong, daemon=True).start()
        try:
            app = create_app(read_settings(os.environ), is_replacement=self._is_replacement)
        except PuntualError as error:
            self._reporting.send(Report(True, str(error)))
            sys.exit(STARTUP_FAILURE)
        self.config.app = app
        self._server = AnnouncingServer(
            self.config, lambda: self._reporting.send(Report(False, app.describe_model()))
        )
        self._server.run(sockets)

    def pong(self) -> None:
        """Answer the supervisor from the event loop, so that one that stands still does not answer."""
        self.child_conn.recv()
        server = self._server
        if not isinstance(server, AnnouncingServer) or server.loop is None:
            self.child_conn.send(False)
            return
        with contextlib.suppress(RuntimeError):
            # A loop that is closed belongs to a worker that ends.
            server.loop.call_soon_threadsafe(self.child_conn.send, server.started)

    def _follow_supervisor(self) -> None:
        """End when the supervisor has ended, however it did: its end of a pipe closes then."""
        supervisor = multiprocessing.parent_process()
        if supervisor is None:
            return
        supervisor.join()
        signal.raise_signal(signal.SIGTERM)
        time.sleep((self.config.timeout_graceful_shutdown or 0) + GRACE)
        # A loop that stands still never ends by itself.
        os._exit(1)


class AnnouncingServer(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer, and say so."""
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, once the answers have ended; those that would go on for ever are ended first."""
        application = self.config.app
        if isinstance(application, Gateway):
            application.end_streams()
        await super().shutdown(sockets)
