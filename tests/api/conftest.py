"""A real server with a bundle made here, started once and asked over HTTP."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from puntual.bundle import Bundle, to_bytes


@pytest.fixture(scope="session")
def bundle_file(made_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, content = to_bytes(made_bundle)
    file = tmp_path_factory.mktemp("bundles") / f"{version}.puntual"
    file.write_bytes(content)
    return file


@contextlib.contextmanager
def served(*words: str, **settings: str) -> Iterator[httpx.Client]:
    """Start `puntual serve`, wait until it is alive, and end it."""
    port = _free_port()
    command = [sys.executable, "-m", "puntual.cli", "serve", "--port", str(port), *words]
    environment = os.environ | {f"PUNTUAL_{name.upper()}": value for name, value in settings.items()}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                _wait_for(lambda: client.get("/livez").status_code == 200, process)
                yield client
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture(scope="module")
def client(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    state = tmp_path_factory.mktemp("state")
    with served("--bundle", str(bundle_file), "--state", str(state), "--no-auth") as asked:
        yield asked


def _wait_for(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {process.communicate()[1].decode()}")
        time.sleep(0.1)
    raise AssertionError("the server never answered")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
