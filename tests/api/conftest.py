"""Real servers with a bundle made here, asked over real sockets."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import polars as pl
import pytest

from puntual.api.auth.api_keys import KeyStore
from puntual.evaluation import Measure
from puntual.registry import Bundle, Registry, to_bytes

FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "destination": "MIA",
    "scheduled_departure": "2023-04-20T10:30",
}


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A state folder, and the one key that is kept in it, called `tower`."""
    folder = tmp_path_factory.mktemp("state")
    return folder, KeyStore(folder).create("tower", NOON)


# A file that may not grow is what a full disk looks like to the one who writes it.
needs_file_limits = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="another process's limits can be set on Linux alone"
)


@dataclass(frozen=True)
class Server:
    """A running `puntual serve`: whom to ask, its process, and what it writes."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    access: Path
    messages: Path

    @property
    def port(self) -> int:
        return self.client.base_url.port or 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def workers(self) -> list[int]:
        """Give the processes that answer, where there are several."""
        return [pid for pid in _children(self.process.pid) if b"spawn_main" in _read(f"/proc/{pid}/cmdline")]

    def metric(self, name: str, **labels: str) -> float:
        """Read one number; 0 where it has not been counted yet."""
        return sum(value for value, own_labels in self.metrics(name) if labels.items() <= own_labels.items())

    def metrics(self, name: str) -> list[tuple[float, dict[str, str]]]:
        text = self.client.get("/metrics").raise_for_status().text
        lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        return [(float(value), dict(re.findall(r'(\w+)="([^"]*)"', labels))) for labels, value in lines]

    def logged(self) -> list[dict[str, Any]]:
        """Give the lines of the access log written so far."""
        return [msgspec.json.decode(line) for line in self.access.read_bytes().splitlines()]

    def limit_files(self, size: int) -> None:
        """Let no file that the service writes grow beyond so many bytes."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def connect(self) -> socket.socket:
        """Open a connection of one's own."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


@contextlib.contextmanager
def running(*words: str, **settings: str) -> Iterator[Server]:
    """Start `puntual serve`, wait until it is alive, and end it."""
    port = _free_port()
    command = [sys.executable, "-m", "puntual", "serve", "--port", str(port), *words]
    environment = os.environ | {f"PUNTUAL_{name.upper()}": value for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        access, messages = Path(folder) / "access", Path(folder) / "messages"
        streams = [opened.enter_context(path.open("wb")) for path in (access, messages)]
        process = opened.enter_context(
            subprocess.Popen(command, env=environment, stdout=streams[0], stderr=streams[1])
        )
        client = opened.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        server = Server(client, process, access, messages)
        try:
            _wait_for(server)
            yield server
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(timeout=90)


@contextlib.contextmanager
def served(*words: str, **settings: str) -> Iterator[httpx.Client]:
    """Start `puntual serve` where only the answers matter."""
    with running(*words, **settings) as server:
        yield server.client


def until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something holds; False when it never did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def is_listened_on(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def as_requested(flights: pl.DataFrame) -> list[dict[str, str]]:
    """Write flights as a request does."""
    names = ("airline", "flight_number", "origin", "destination")
    return [
        {name: row[name] for name in names} | {"scheduled_departure": row["scheduled_departure"].isoformat()}
        for row in flights.iter_rows(named=True)
    ]


def request_of(body: bytes, path: str = "/predict", method: str = "POST", **headers: str) -> bytes:
    """Write a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: puntual", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "transfer_encoding" not in headers:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer_of(connection: socket.socket) -> bytes:
    """Read from a connection until the other side ends it."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65_536):
            received += part
    return received


@pytest.fixture(scope="session")
def bundle_file(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, content = to_bytes(made_bundle)
    file = tmp_path_factory.mktemp("bundles") / f"{version}.puntual"
    file.write_bytes(content)
    return file


@pytest.fixture(scope="session")
def other_bundle(made_bundle: Bundle) -> Bundle:
    """A bundle that says other things of the same flights."""
    assert made_bundle.tested is not None
    names = "calibration", "questions", "typical_week", "vocabulary"
    tables = made_bundle.tables | {name: made_bundle.tables[f"tested_{name}"] for name in names}
    return replace(made_bundle, experts=made_bundle.tested, tables=tables)


@pytest.fixture(scope="module")
def server(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("state")
    with running("--bundle", str(bundle_file), "--state", str(state), "--no-auth") as running_server:
        yield running_server


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.client


def _wait_for(server: Server) -> None:
    def is_alive() -> bool:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended: {server.messages.read_text()}")
        try:
            return server.client.get("/livez").status_code == 200
        except httpx.TransportError:
            return False

    assert until(is_alive), f"the server never answered: {server.messages.read_text()}"


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in _read(f"/proc/{parent}/task/{parent}/children").split()]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def two_models(place: Path, champion: Bundle, challenger: Bundle) -> tuple[Registry, list[str]]:
    """Make a registry whose champion was compared with a challenger that passes the checks."""
    registry = Registry(place)
    first = registry.publish(champion)
    registry.set_champion(first, NOON, previous=None)
    evidence = msgspec.structs.replace(
        challenger.manifest.evidence,
        champion_version=first,
        champion_difference=Measure(-0.02, -0.03, -0.01),
    )
    compared = replace(challenger, manifest=msgspec.structs.replace(challenger.manifest, evidence=evidence))
    return registry, [first, registry.publish(compared)]
