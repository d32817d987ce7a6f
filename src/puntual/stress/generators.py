"""The programs that make the load: wrk, and locust where wrk is not installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from puntual.errors import StressTestError
from puntual.stress.processors import pinned
from puntual.stress.results import Load

WRK, LOCUST = "wrk", "locust"
HOW_TO_INSTALL = "install wrk (Debian and Ubuntu: apt install wrk; macOS: brew install wrk)"
_RESULT, _DIFFERING = "result.json", "differing.tsv"
# A generator that is not done by then has hung.
_GRACE_SECONDS = 30
# A short load may end before its slowest answer has come; that alone is no time-out.
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Order:
    """What to send: to which URL, over how many connections, until so many responses or seconds.

    `pause_ms` is how long each connection waits before each request, on average. `cpu` is the processor to run on.
    `first` is the line of the requests to begin with, from 0.
    """

    url: str
    connections: int
    seconds: int
    responses: int | None = None
    pause_ms: float | None = None
    cpu: int | None = None
    first: int = 0

    @property
    def threads(self) -> int:
        """How many threads of the generator share out the requests."""
        return 1 if self.cpu is not None else max(1, min(self.connections, (os.cpu_count() or 2) // 2))


def available() -> str:
    """Name the generator to use; raise StressTestError when there is none."""
    if shutil.which(WRK):
        return WRK
    if importlib.util.find_spec(LOCUST):
        return LOCUST
    raise StressTestError(
        f"there is no load generator; {HOW_TO_INSTALL}, or pip install 'puntual[stress]' for locust"
    )


def generate(name: str, folder: Path, order: Order) -> Load:
    """Send the requests of a folder; raise StressTestError when the generator does not do its work."""
    command = _COMMANDS[name](folder, order)
    environment = _environment(folder, order)
    for stale in (_RESULT, _DIFFERING):
        (folder / stale).unlink(missing_ok=True)
    output = folder / f"{name}.log"
    before = _children_seconds()
    try:
        with output.open("wb") as log, pinned(order.cpu):
            subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT).wait(
                order.seconds + _GRACE_SECONDS
            )
        load = msgspec.json.decode((folder / _RESULT).read_bytes(), type=Load)
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        printed = output.read_text(errors="replace")[-500:].strip() if output.exists() else ""
        raise StressTestError(
            f"{name} did not finish its work ({error}); it printed: {printed or 'nothing'}"
        ) from error
    busy = (_children_seconds() - before) / (load.seconds * order.threads) if load.seconds else None
    return msgspec.structs.replace(load, generator_busy=busy)


def differing(folder: Path) -> list[tuple[int, int, bytes]]:
    """Give the kept answers that are not as expected to the byte: times, number of the request, body."""
    path = folder / _DIFFERING
    if not path.exists():
        return []
    rows = (line.split(b"\t", 2) for line in path.read_bytes().splitlines())
    return [(int(times), int(number), body) for times, number, body in rows]


def script(name: str) -> Path:
    """Find a script of `stress/`: beside the installed package, or in the checkout that it runs from."""
    packaged = Path(__file__).with_name("scripts") / name
    return packaged if packaged.exists() else Path(__file__).parents[3] / "stress" / name


def _children_seconds() -> float:
    """Give the processor time of the processes of ours that have ended; none but the generator ends meanwhile."""
    times = os.times()
    return times.children_user + times.children_system


def _wrk(folder: Path, order: Order) -> list[str]:
    connections = max(order.connections, order.threads)
    return [
        *(WRK, f"-t{order.threads}", f"-c{connections}", f"-d{order.seconds}s", "--latency"),
        *(
            "--timeout",
            f"{max(order.seconds, _PATIENCE_SECONDS)}s",
            "-s",
            str(script("predict.lua")),
            order.url,
            "--",
            str(folder),
        ),
        *([] if order.responses is None else [str(order.responses)]),
    ]


def _locust(_: Path, order: Order) -> list[str]:
    return [
        *(sys.executable, "-m", LOCUST, "-f", str(script("locustfile.py")), "--headless", "--only-summary"),
        *("--users", str(order.connections), "--spawn-rate", str(order.connections)),
        *("--run-time", f"{order.seconds}s", "--stop-timeout", "5s", "--host", order.url),
    ]


_COMMANDS = {WRK: _wrk, LOCUST: _locust}


def _environment(folder: Path, order: Order) -> Mapping[str, str]:
    settings = {
        "PUNTUAL_STRESS_FOLDER": str(folder),
        "PUNTUAL_STRESS_FIRST": str(order.first),
        "PUNTUAL_STRESS_THREADS": str(order.threads),
    }
    if order.responses is not None:
        settings["PUNTUAL_STRESS_RESPONSES"] = str(order.responses)
    if order.pause_ms is not None:
        settings["PUNTUAL_STRESS_DELAY_MS"] = str(order.pause_ms)
    return os.environ | settings
