"""Which modules of ours a flight passes on its way through `POST /predict`, by a trace of the running service.

python -m benchmarks.request_trace BUNDLE

A server answers in this process, with a journal and a log. A first request warms it; what runs for a second one,
about a flight that was never seen, is noted on all threads until its line is in the journal.
"""

import socket
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import uvicorn

from puntual.api.app import create_app
from puntual.api.server import _configuration
from puntual.operations.journal_writer import Journal
from puntual.prediction.predictor import Predictor
from puntual.settings import Settings

# Where features are defined, one file a kind.
KINDS = frozenset(
    f"puntual.features.{kind}" for kind in ("calendar", "clock", "history", "route", "timetable")
)
# What serves any request, whatever it is about: the door, and the keeping of records.
OTHERS = frozenset(
    f"puntual.{module}"
    for module in (
        "api.auth.guard",
        "api.auth.rights",
        "api.http.body",
        "api.live.event_intake",
        "api.live.mark_intake",
        "api.http.corked",
        "api.http.cors",
        "api.http.head_limits",
        "api.http.request_ids",
        "api.http.response_headers",
        "api.http.uvicorn_protocol",
        "api.observability.access_log",
        "api.observability.metrics",
        "operations.event_database",
        "operations.event_feed",
        "operations.journal_database",
        "operations.journal_engine",
        "operations.journal_feed",
        "operations.journal_migration",
        "operations.journal_writer",
        "operations.mark_database",
        "operations.mark_feed",
        "operations.sqlite_files",
        "operations.sqlite_marks",
        "storage.file_lock",
        "storage.state_folder",
    )
)
# What a build compiles, where no trace sees its functions: they are named apart, compiled or not.
KERNELS = frozenset({"puntual.features.kernel", "puntual.prediction.band_kernel"})
_SECONDS = 30.0


class Trace:
    """The modules of ours whose functions ran, in the order of their first, with the names of those functions."""

    def __init__(self) -> None:
        self.functions: dict[str, list[str]] = {}
        self.noting = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call (Python calls this of every one)."""
        if self.noting and event == "call":
            module = frame.f_globals.get("__name__", "")
            if module.startswith("puntual."):
                names = self.functions.setdefault(module, [])
                if frame.f_code.co_qualname not in names:
                    names.append(frame.f_code.co_qualname)


def trace_request(bundle: str, state: Path) -> Trace:
    """Serve a bundle, ask it about a flight that it has not been asked about, and note what runs for it."""
    trace = Trace()
    settings = Settings(bundle=bundle, state=str(state), auth="none", poll=3_600.0)
    application = create_app(settings)
    server = uvicorn.Server(_configuration(settings.replace(port=0), application))
    client = threading.Thread(
        target=_ask, args=(server, application._service.journal, trace, bodies_of(bundle))
    )
    client.start()
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        # On the main thread, which alone may handle signals.
        server.run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    client.join()
    return trace


def _ask(server: uvicorn.Server, journal: Journal, trace: Trace, bodies: list[bytes]) -> None:
    """Send the requests one after the other, each once the line of the one before is written."""
    try:
        _wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        for written, body in enumerate(bodies, start=1):
            trace.noting = written == len(bodies)
            _post(port, body)
            _wait_until(lambda written=written: journal.written >= written)
            trace.noting = False
    finally:
        server.should_exit = True


def bodies_of(bundle: str) -> list[bytes]:
    """Write two requests about one flight each, which differ in number and minute."""
    manifest = Predictor.load(version=bundle).bundle.manifest
    departure = datetime.combine(manifest.history_until, datetime.min.time()) + timedelta(hours=10)
    origin, destination = manifest.airports[:2]
    return [
        msgspec.json.encode(
            {
                "flights": [
                    {
                        "airline": "AA",
                        "flight_number": str(number),
                        "origin": origin,
                        "destination": destination,
                        "scheduled_departure": (departure + timedelta(minutes=number)).isoformat(),
                    }
                ]
            }
        )
        for number in (1, 2)
    ]


def main(bundle: str) -> None:
    """Print the modules, with the functions that ran, and count them."""
    with tempfile.TemporaryDirectory() as folder:
        functions = trace_request(bundle, Path(folder)).functions
    for module, names in functions.items():
        print(f"{module:48} {', '.join(names)}")
    flight = (functions.keys() - OTHERS) | KERNELS
    print(
        f"{len(flight)} modules for the flight, {len(flight & KINDS)} of them kinds of features and {len(KERNELS)} "
        f"kernels ({', '.join(sorted(KERNELS))}), and {len(functions.keys() & OTHERS)} for any request"
    )


def _post(port: int, body: bytes) -> None:
    """Send head and body as one, as most clients do."""
    lines = (
        "POST /predict HTTP/1.1",
        "host: puntual",
        "connection: close",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(answer.decode())


def _wait_until(holds: Any) -> None:
    end = time.monotonic() + _SECONDS
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("the service did not answer")
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
