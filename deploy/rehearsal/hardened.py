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
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from puntual.api.auth.api_keys import NAME, KeyStore

USER, MEMORY = 10001, "512m"
# The state, and what engines put under /dev for talk between processes: memory that ends with the container.
WRITABLE = {"/state", "/dev", "/dev/shm", "/dev/mqueue"}  # noqa: S108
HARDENED = (
    "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", f"{USER}:{USER}",
    "--memory", MEMORY, "--memory-swap", MEMORY, "--pids-limit", "256",
    "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
    "--tmpfs", "/state:rw,noexec,nosuid,nodev,size=64m",
    # It is asked here; podman would want systemd to ask it again and again.
    "--no-healthcheck",
)  # fmt: skip
# podman would mount writable folders of its own over /tmp, /run and /var/tmp.
ENGINES = {"podman": ("podman", "--runtime", "runc"), "docker": ("docker",)}
OWN = {"podman": ("--read-only-tmpfs=false",), "docker": ()}
_READY_SECONDS, _JOURNAL_SECONDS = 30.0, 10.0
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
    'started': int(open('/proc/1/stat').read().rpartition(')')[2].split()[19]) / os.sysconf('SC_CLK_TCK'),
}))
"""


class HardeningError(Exception):
    """The image does not do what it must; the message says what it did."""


@dataclass(frozen=True)
class Hardened:
    """What was seen: seconds to readiness, the model's version, memory in MB, where it may write, how it ended."""

    ready_seconds: float
    model: str
    resident_mb: int
    peak_mb: int
    writable: tuple[str, ...]
    state: tuple[str, ...]
    in_flight: int
    stop_seconds: float


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
            raise HardeningError(f"{shlex.join([*self.engine, *words])}: {done.stderr.strip()}")
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
        if (
            shutil.which(name)
            and not subprocess.run([name, "info"], capture_output=True, check=False).returncode
        ):
            return name
    return None


def rehearse(
    image: str, registry: Path, request: bytes, run_with: str = "podman", more: tuple[str, ...] = ()
) -> Hardened:
    """Run an image with the champion of a registry, ask it `request`, end it, and say what was seen.

    `request` is a body for `POST /predict`. Raise HardeningError as soon as it does not do what it must.
    """
    with running(image, registry, run_with, more) as container:
        ready = wait_until_ready(container)
        check_answers(container, request)
        _, champion = container.ask("GET", "/models/champion")
        seen = look(container)
        check_confines(seen)
        answered, seconds = stop_under_load(container, request)
        return Hardened(
            ready_seconds=round(ready - seen["started"], 2),
            model=champion["version"],
            resident_mb=seen["resident"] // 1024,
            peak_mb=seen["peak"] // 1024,
            writable=tuple(seen["writable"]),
            state=tuple(seen["state"]),
            in_flight=answered,
            stop_seconds=round(seconds, 2),
        )


def check_answers(container: Container, request: bytes) -> None:
    """Ask with the key, with a wrong one and as a health check; raise HardeningError for an answer that must not be."""
    status, answer = container.ask("POST", "/predict", request)
    expect(status == http.HTTPStatus.OK and answer["predictions"], f"/predict answered {status}: {answer}")
    status, _ = replace(container, key="puntual_wrong").ask("POST", "/predict", request)
    expect(status == http.HTTPStatus.UNAUTHORIZED, f"/predict answered {status} to a wrong key, expected 401")
    container.call("exec", container.name, "puntual", "health")


def check_confines(seen: dict[str, Any]) -> None:
    """Raise HardeningError where the service has rights, or places to write to, that it must not have."""
    expect(seen["uid"] == USER, f"it runs as {seen['uid']}, expected {USER}")
    expect(seen["capabilities"] == 0, f"it has capabilities: {seen['capabilities']:x}")
    others = set(seen["writable"]) - WRITABLE
    expect(not others, f"it may write to {', '.join(sorted(others))}")
    expect("journal.db" in seen["state"], f"it wrote no journal to /state, which holds {seen['state']}")


def look(container: Container) -> dict[str, Any]:
    """Look at the service from within; the journal is written beside the requests, so it is waited for a little."""
    end = time.monotonic() + _JOURNAL_SECONDS
    while True:
        seen: dict[str, Any] = json.loads(container.run_python(_LOOK))
        if "journal.db" in seen["state"] or time.monotonic() > end:
            return seen
        time.sleep(0.1)


@contextlib.contextmanager
def running(image: str, registry: Path, run_with: str, more: tuple[str, ...] = ()) -> Iterator[Container]:
    """Start an image hardened, on a free port of this machine and with a key of its own, and remove it in the end."""
    call = ENGINES[run_with]
    with tempfile.TemporaryDirectory(prefix="puntual-hardened-") as scratch:
        keys = Path(scratch)
        token = KeyStore(keys).create("rehearsal", datetime.now(UTC))
        # The service runs as another user than the one who gives it the file.
        keys.chmod(0o755)
        (keys / NAME).chmod(0o444)
        container = Container(call, f"puntual-hardened-{secrets.token_hex(4)}", _free_port(), token)
        mounts = (f"{registry.resolve()}:/models:ro", f"{keys / NAME}:/state/{NAME}:ro")
        words = [
            *HARDENED,
            *OWN[run_with],
            *(word for mount in mounts for word in ("--volume", mount)),
            *more,
        ]
        settings = ("--network", "host", "--env", f"PUNTUAL_PORT={container.port}")
        try:
            container.call("run", "--detach", "--name", container.name, *words, *settings, image)
            yield container
        finally:
            container.call("rm", "--force", container.name, check=False)


def wait_until_ready(container: Container) -> float:
    """Give the seconds from the machine's start to the first answer that it is ready, as /proc counts them."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            if container.ask("GET", "/readyz")[0] == http.HTTPStatus.OK:
                return time.clock_gettime(time.CLOCK_BOOTTIME)
        state = container.call("inspect", "--format", "{{.State.Status}}", container.name)
        if state not in ("created", "running"):
            raise HardeningError(f"it did not start: {container.log()[-1000:]}")
        time.sleep(0.01)
    raise HardeningError(f"it was not ready within {_READY_SECONDS:g} s: {container.log()[-1000:]}")


def stop_under_load(container: Container, request: bytes, several: int = 8) -> tuple[int, float]:
    """Send SIGTERM while requests are half sent; give how many were answered, and the seconds until it ended with 0.

    A request whose headers have arrived is in flight, so it must be answered whole.
    """
    half = len(request) // 2
    opened = []
    for _ in range(several):
        connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=30)
        connection.putrequest("POST", "/predict")
        for name, value in {**container.headers(), "Content-Length": str(len(request))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(request[:half])
        opened.append(connection)
    # A later request has been answered, so what was sent before it has arrived.
    container.ask("GET", "/readyz")
    container.call("kill", "--signal", "TERM", container.name)
    start = time.monotonic()
    time.sleep(0.5)
    answers = []
    for connection in opened:
        connection.send(request[half:])
        answer = connection.getresponse()
        answers.append((answer.status, json.loads(answer.read())))
        connection.close()
    failed = [answer for answer in answers if answer[0] != http.HTTPStatus.OK]
    expect(
        not failed,
        f"{len(failed)} of {several} requests in flight on SIGTERM failed, the first with {failed[:1]}",
    )
    status = int(container.call("wait", container.name))
    expect(status == 0, f"it ended with {status}, expected 0: {container.log()[-500:]}")
    return len(answers), time.monotonic() - start


def expect(holds: bool, otherwise: str) -> None:
    """Raise HardeningError with what was seen unless something holds."""
    if not holds:
        raise HardeningError(otherwise)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    """Read the call, rehearse, and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image")
    parser.add_argument(
        "--registry", type=Path, default=Path("models"), help="a folder with a champion [models]"
    )
    parser.add_argument("--request", type=Path, required=True, help="a body for POST /predict")
    parser.add_argument("--engine", choices=tuple(ENGINES), default=engine() or "podman")
    parser.add_argument(
        "--more", type=shlex.split, default=[], help="options for the engine's `run`, in one string"
    )
    arguments = parser.parse_args()
    try:
        seen = rehearse(
            arguments.image,
            arguments.registry,
            arguments.request.read_bytes(),
            arguments.engine,
            tuple(arguments.more),
        )
    except HardeningError as error:
        sys.exit(f"{arguments.image}: {error}")
    print(json.dumps(asdict(seen), indent=2))


if __name__ == "__main__":
    main()
