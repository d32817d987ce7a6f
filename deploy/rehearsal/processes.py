"""Runs tasks as plain processes of this machine: the service without its container."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.rehearsal.served import free_port


class Process:
    """A task that is `puntual serve`, or for an image called otherwise what `programs` names."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._folder = tempfile.TemporaryDirectory(prefix="puntual-task-")
        self._log = Path(self._folder.name) / "log"
        # As in the container: nothing of the settings of whoever started this.
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PUNTUAL_")}
        settings = {
            "PUNTUAL_PORT": str(port),
            "PUNTUAL_STATE": self._folder.name,
            "PUNTUAL_HOST": "127.0.0.1",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=ours | dict(environment) | settings, stdout=log, stderr=subprocess.STDOUT
            )

    def alive(self) -> bool:
        """Tell whether it runs still."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it, politely first."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def last_words(self) -> str:
        """Give the end of its log."""
        return self._log.read_text(errors="replace")[-300:].strip()


class Processes:
    """Starts tasks; `programs` says what an image is, by the end of its name."""

    def __init__(self, aws: Mapping[str, str], programs: Mapping[str, list[str]]) -> None:
        self._aws, self._programs = aws, programs

    def __call__(self, container: dict[str, Any]) -> Process:
        """Start a container definition."""
        known = (command for end, command in self._programs.items() if container["image"].endswith(end))
        command = next(known, [sys.executable, "-m", "puntual", "serve"])
        return Process(command, container["environment"] | dict(self._aws))
