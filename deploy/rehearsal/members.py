"""Runs scheduler, workers and client of a run, as processes or as containers of this machine."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from deploy.rehearsal.hardened import ENGINES, OWN, USER, HardeningError

# What the commands of scale.yaml are here.
PROGRAMS = {"dask": [sys.executable, "-m", "dask"], "puntual": [sys.executable, "-m", "puntual"]}
# Of containers of a run, so that all can be found and removed.
PREFIX = "puntual-scale-"
# As scale.yaml runs them, but for the memory: several share this machine.
HARDENED = (
    "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", f"{USER}:{USER}",
    "--memory", "3g", "--memory-swap", "3g", "--pids-limit", "512",
    "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
    "--tmpfs", "/state:rw,noexec,nosuid,nodev,size=1g", "--no-healthcheck",
)  # fmt: skip
_STATE = "/state"


class Member(Protocol):
    """A task of a run."""

    def exit_code(self) -> int | None:
        """Give what it ended with, or None while it runs."""

    def stop(self) -> None:
        """End it, politely first."""

    def kill(self) -> None:
        """Take its machine away."""

    def log(self) -> str:
        """Give all that it has written."""


class Process:
    """A task as a process; what it writes, to /state in its container, goes to a folder."""

    def __init__(self, command: list[str], environment: Mapping[str, str], state: Path) -> None:
        self._log = state / "log"
        program, *words = [str(state) if word == _STATE else word for word in command]
        settings = {name: str(state) if value == _STATE else value for name, value in environment.items()}
        # As in the container: nothing of the settings of whoever started this.
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("PUNTUAL_", "DASK_"))
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*PROGRAMS.get(program, [program]), *words], env=ours | settings, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def exit_code(self) -> int | None:
        """Give what it ended with, or None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it, politely first."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Take its machine away: no process of it gets to say good-bye."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log(self) -> str:
        """Give all that it has written."""
        return self._log.read_text(errors="replace")


class Container:
    """A task as a container, as hardened as scale.yaml runs it; `shared` is a folder that all of them see."""

    def __init__(
        self, image: str, command: list[str], environment: Mapping[str, str], engine: str, shared: Path
    ) -> None:
        self._call, self._name = ENGINES[engine], PREFIX + secrets.token_hex(4)
        given = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        self._do("run", "--detach", "--name", self._name, "--network", "host", "--stop-timeout", "110",
                 "--volume", f"{shared}:{shared}", *HARDENED, *OWN[engine], *given, image, *command)  # fmt: skip

    def exit_code(self) -> int | None:
        """Give what it ended with, or None while it runs."""
        status, code = self._do(
            "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", self._name
        ).split()
        return int(code) if status in ("exited", "stopped") else None

    def stop(self) -> None:
        """End it, politely first."""
        self._do("stop", self._name, check=False)

    def kill(self) -> None:
        """Take its machine away."""
        self._do("kill", "--signal", "KILL", self._name)

    def log(self) -> str:
        """Give all that it has written."""
        done = subprocess.run([*self._call, "logs", self._name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def _do(self, *words: str, check: bool = True) -> str:
        done = subprocess.run([*self._call, *words], capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise HardeningError(f"{words[0]} {self._name}: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()


class Processes:
    """Starts container definitions as processes, each with a folder of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, container: dict[str, Any]) -> Process:
        """Start one."""
        state = Path(tempfile.mkdtemp(prefix=f"{container['name']}-", dir=self._folder))
        return Process(container["command"], container["environment"], state)
