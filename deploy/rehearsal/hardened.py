"""Runs the image as it is run in earnest: no root, no capabilities, nothing to write to but /state, 512 MB.

    python -m deploy.rehearsal.hardened puntual:latest --registry models --request request.json

It must become ready, answer `/predict` to a key, and end with 0 on SIGTERM once the request in flight is answered.
"""

import argparse
import contextlib
import http.client
import json
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from puntual.api_keys import NAME, KeyStore

MEMORY = "512m"
HARDENED = (
    "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", "10001:10001",
    "--memory", MEMORY, "--memory-swap", MEMORY, "--pids-limit", "256",
    "--tmpfs", "/state:rw,noexec,nosuid,nodev,size=64m,mode=1777",
)  # fmt: skip
# podman would mount writable folders of its own over /tmp, /run and /var/tmp.
ENGINES = {"podman": ("podman", "--runtime", "runc"), "docker": ("docker",)}
OWN = {"podman": ("--read-only-tmpfs=false",), "docker": ()}
_READY_SECONDS = 30.0
# Told from within: who runs, what it may write to, and the memory of process 1 in kB.
_LOOK = """
import json, os
mounts = [line.split()[4] for line in open('/proc/self/mountinfo')]
status = dict(line.split(':', 1) for line in open('/proc/1/status'))
print(json.dumps({
    'uid': os.getuid(),
    'capabilities': int(status['CapEff'], 16) | int(status['CapBnd'], 16),
    'writable': sorted({m for m in (*mounts, '/tmp', '/var/tmp', '/models', '/opt/puntual', os.path.expanduser('~'))
                        if os.path.isdir(m) and os.access(m, os.W_OK)}),
    'resident': int(status['VmRSS'].split()[0]),
    'peak': int(status['VmHWM'].split()[0]),
    'state': sorted(os.listdir('/state')),
}))
"""


class Failed(Exception):
    """The image does not do what it must; the message says what it did."""


@dataclass(frozen=True)
class Hardened:
    """What was seen: seconds to readiness, the model's version, memory in MB, and how it ended."""

    ready_seconds: float
    model: str
    resident_mb: float
    peak_mb: float
    writable: tuple[str, ...]
    state: tuple[str, ...]
    healthy: bool
    in_flight: int
    stop_seconds: float
    exit_status: int
    log: str


@dataclass(frozen=True)
class Container:
    """A container of the service: how its engine is called, its name, and where and with which key it answers."""

    engine: tuple[str, ...]
    name: str
    port: int
    key: str

    def call(self, *words: str, check: bool = True) -> str:
        """Have the engine do something, and give what it prints."""
        done = subprocess.run([*self.engine, *words], capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise Failed(f"{shlex.join([*self.engine, *words])}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run_python(self, code: str) -> str:
        """Run Python beside the service, with its rights."""
        return self.call("exec", self.name, "python", "-c", code)

    def log(self) -> str:
        """Give all that the service has written."""
        done = subprocess.run([*self.engine, "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Ask over HTTP with the key, and give status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, self.headers())
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def headers(self) -> dict[str, str]:
        """Give the headers of a request with a key."""
        return {"Content-Type": "application/json", "X-API-Key": self.key}


def engine() -> str | None:
    """Name the engine that runs containers here, or None."""
    for name in ENGINES:
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return name
    return None


def rehearse(image: str, registry: Path, request: bytes, run_with: str = "podman", more: tuple[str, ...] = ()) -> Hardened:
    """Run an image with the champion of a registry, ask it `request`, end it, and say what was seen.

    `request` is a body for `POST /predict`. Raise Failed as soon as it does not do what it must.
    """
    with running(image, registry, run_with, more) as container:
        ready = wait_until_ready(container)
        status, answer = container.ask("POST", "/predict", request)
        expect(status == 200 and len(answer["predictions"]) > 0, f"/predict answered {status}: {answer}")
        refused = Container(container.engine, container.name, container.port, "puntual_wrong")
        status, _ = refused.ask("POST", "/predict", request)
        expect(status == 401, f"/predict answered {status} to a wrong key, expected 401")
        container.call("exec", container.name, "puntual", "health")
        _, champion = container.ask("GET", "/models/champion")
        seen = json.loads(container.run_python(_LOOK))
        expect(seen["uid"] == 10001, f"it runs as {seen['uid']}")
        expect(seen["capabilities"] == 0, f"it has capabilities: {seen['capabilities']:x}")
        written = set(seen["writable"]) - {"/state", "/dev", "/dev/shm", "/dev/mqueue"}  # noqa: S108
        expect(not written, f"it may write to {', '.join(sorted(written))}")
        answered, seconds = stop_while_asked(container, request)
        code = int(container.call("wait", container.name))
        expect(code == 0, f"it ended with {code}: {container.log()[-500:]}")
        return Hardened(
            ready, champion["version"], seen["resident"] / 1024, seen["peak"] / 1024, tuple(seen["writable"]),
            tuple(seen["state"]), True, answered, seconds, code, container.log(),
        )  # fmt: skip
