"""The service that a day is played to: one of its own for as long as it lasts, or one that runs already."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from puntual.errors import NoAnswerError
from puntual.flights.flight import LateRule, Target
from puntual.operations.event_contract import MOST_EVENTS, SentEvent

_SECONDS = 60.0
_START_SECONDS, _END_SECONDS = 60.0, 20.0
_LOOK = 0.1
_HISTORY = re.compile(r"^puntual_history_events(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# A service of its own looks for what is new so often, and is alone with those who ask it. What else the environment
# sets holds for it too.
_SETTINGS = {
    **dict.fromkeys(("JOURNAL", "BUNDLE", "SHADOW", "TIMETABLE", "METRICS"), ""),
    **{"POLL": "0.2", "WORKERS": "1", "REPLICAS": "1", "LOG": "warning", "AUTH": "none"},
}


class ServedModel(msgspec.Struct, frozen=True):
    """What a service says of the model that answers."""

    version: str
    trained_until: date
    history_until: date
    late_rule: LateRule
    threshold: float
    target: Target = Target.DEPARTURE


class DelayQuantiles(msgspec.Struct, frozen=True):
    """The delays not exceeded with probability .5, .8 and .95."""

    p50: float
    p80: float
    p95: float


class ReplayedPrediction(msgspec.Struct, frozen=True):
    """What a replay keeps of an answer about one flight."""

    late_probability: float
    late: bool
    bands: dict[str, float]
    expected_delay_minutes: float
    delay_quantiles: DelayQuantiles
    state: str
    history_until: date | None
    status: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    predictions: list[ReplayedPrediction]


class _Taken(msgspec.Struct, frozen=True):
    applied: int
    refused: list[msgspec.Raw]


class ReplayService:
    """A service that answers at an address; every method raises NoAnswerError where it does not, or refuses."""

    def __init__(self, url: str) -> None:
        """Name it by its address; a key goes in PUNTUAL_API_KEY."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoAnswerError(
                f"{url[:200]!r} is no address of a service; give such as http://127.0.0.1:8000"
            )
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=_SECONDS)
        self._path = parts.path
        self._counted = 0

    def model(self) -> ServedModel:
        """Ask which model answers."""
        return msgspec.json.decode(self._ask("GET", "/models/champion"), type=ServedModel)

    def put_timetable(self, flights: Sequence[dict[str, str]]) -> None:
        """Replace the coming flights."""
        self._ask("PUT", "/timetable", flights)

    def post_events(self, events: Sequence[SentEvent]) -> int:
        """Tell events, and count those that are refused."""
        refused = 0
        for start in range(0, len(events), MOST_EVENTS):
            body = self._ask("POST", "/events", {"events": events[start : start + MOST_EVENTS]})
            taken = msgspec.json.decode(body, type=_Taken)
            self._counted += taken.applied
            refused += len(taken.refused)
        return refused

    def predict(self, flights: Sequence[dict[str, str]], as_of: str | None) -> list[ReplayedPrediction]:
        """Ask about flights."""
        request = {"flights": flights} | ({} if as_of is None else {"as_of": as_of})
        return msgspec.json.decode(self._ask("POST", "/predict", request), type=_Answer).predictions

    def begin(self) -> None:
        """Note which events count for history already."""
        self._counted = self._history()

    def wait_for_history(self, seconds: float = _SECONDS) -> bool:
        """Wait until all events told since `begin` count for history; False where they do not in time."""
        end = time.monotonic() + seconds
        while self._history() < self._counted:
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True

    def is_ready(self) -> bool:
        """Tell whether it answers and has a model."""
        try:
            self._ask("GET", "/readyz")
        except NoAnswerError:
            return False
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _history(self) -> int:
        return sum(int(float(number)) for number in _HISTORY.findall(self._ask("GET", "/metrics").decode()))

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        key = os.environ.get("PUNTUAL_API_KEY")
        headers = {"content-type": "application/json"} | ({"x-api-key": key} if key else {})
        content = None if body is None else msgspec.json.encode(body)
        try:
            try:
                status, answered = self._exchange(method, path, content, headers)
            except (ConnectionError, http.client.HTTPException):
                # A service closes a connection that was idle; all that is asked here may be asked again.
                self._connection.close()
                status, answered = self._exchange(method, path, content, headers)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswerError(
                f"{self.url}{path} does not answer ({error}); start it with `puntual serve`, or see its log"
            ) from error
        if status != HTTPStatus.OK:
            raise NoAnswerError(
                f"{self.url}{path} answers {status}: {answered.decode(errors='replace')[:400]}"
            )
        return answered

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        self._connection.request(method, self._path + path, content, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def connect(url: str) -> ReplayService:
    """Connect to a service that runs; raise NoAnswerError where none does."""
    service = ReplayService(url)
    service.model()
    return service


@contextmanager
def start(registry: str, bundle: str | None, state: Path, port: int = 0) -> Iterator[ReplayService]:
    """Run a service on this machine's own address while the block lasts, with its state in a folder.

    Raise NoAnswerError, with the end of its log, where it does not answer.
    """
    port = port or _free_port()
    command = [sys.executable, "-m", "puntual", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--registry", registry, "--state", str(state), *(("--bundle", bundle) if bundle else ())]
    environment = os.environ | {f"PUNTUAL_{name}": value for name, value in _SETTINGS.items()}
    log = state / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    service = ReplayService(f"http://127.0.0.1:{port}")
    try:
        _wait(service, process, log)
        yield service
    finally:
        service.close()
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        process.kill()
        process.wait()


def _wait(service: ReplayService, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if service.is_ready():
            return
        time.sleep(_LOOK)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise NoAnswerError("the service of the replay did not start: " + " ".join(lines))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
