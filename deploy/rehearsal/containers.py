"""Runs tasks as containers, as hardened as the stack runs them."""

import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.rehearsal.hardened import ENGINES, HARDENED, OWN, HardeningError
from deploy.rehearsal.served import free_port

# What every container of a rehearsal is called by, so that all can be found and removed.
PREFIX = "puntual-rehearsal-"


class Container:
    """A task of the service."""

    def __init__(self, image: str, environment: Mapping[str, str], engine: str) -> None:
        self._call, self._name = ENGINES[engine], PREFIX + secrets.token_hex(4)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = dict(environment) | {"PUNTUAL_PORT": str(port), "PUNTUAL_HOST": "127.0.0.1"}
        given = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        insecure = ["--tls-verify=false"] if engine == "podman" else []
        self._do("run", "--detach", "--name", self._name, "--network", "host", "--stop-timeout", "45",
                 *insecure, *HARDENED, *OWN[engine], *given, image)  # fmt: skip
        # Asked once, since asking the engine is dear: there is no such process when the container has ended.
        self._process = Path("/proc") / self._do("inspect", "--format", "{{.State.Pid}}", self._name)

    def alive(self) -> bool:
        """Tell whether it runs still."""
        return self._process.exists()

    def stop(self) -> None:
        """End it, politely first."""
        self._do("stop", self._name, check=False)
        self._do("rm", "--force", self._name, check=False)

    def last_words(self) -> str:
        """Give the end of its log."""
        done = subprocess.run(
            [*self._call, "logs", "--tail", "5", self._name], capture_output=True, text=True, check=False
        )
        return (done.stdout + done.stderr)[-400:].strip()

    def _do(self, *words: str, check: bool = True) -> str:
        done = subprocess.run([*self._call, *words], capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise HardeningError(f"{' '.join(words[:1])} {self._name}: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()


class Containers:
    """Starts tasks from images."""

    def __init__(self, aws: Mapping[str, str], engine: str) -> None:
        self._aws, self._engine = aws, engine

    def __call__(self, container: dict[str, Any]) -> Container:
        """Start a container definition."""
        return Container(container["image"], container["environment"] | dict(self._aws), self._engine)


@contextmanager
def settings_for_podman(folder: Path) -> Iterator[None]:
    """Have podman do without systemd and without a file of limits, for this process and what it starts."""
    file = folder / "containers.conf"
    file.write_text(
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]\n'
    )
    former = {name: os.environ.get(name) for name in ("CONTAINERS_CONF", "BUILDAH_ISOLATION")}
    os.environ.update(CONTAINERS_CONF=str(file), BUILDAH_ISOLATION="chroot")
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
