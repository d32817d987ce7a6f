"""One stress test: the service under load with its answers checked, and what it is compared with."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from puntual.errors import RegistryError, StorageError, StressTestError
from puntual.prediction.predictor import Predictor
from puntual.stress.generators import HOW_TO_INSTALL, LOCUST, Order, available, differing, generate
from puntual.stress.material import Material, flights_for, make_material
from puntual.stress.results import Load, RivalResult, StressResult, Usage
from puntual.stress.rivals import RIVALS, Rival
from puntual.stress.servers import free_port, started

Progress = Callable[[str, int, int], object]
DISTINCT = 10_000
_RIVAL_SECONDS = 5
_STEPS = 2 + len(RIVALS)
# Another way to the same numbers may round them otherwise, and no more.
_AGREEMENT, _ASKED_BEFORE = 1e-5, 20


@dataclass(frozen=True)
class Trial:
    """What to test and how hard: a service that runs at `url`, or one that is started for the test.

    The bar is `requests` answered, and rightly, within `seconds`. `registry` and `bundle` name what is served and
    what answers are checked against; `flights` is a file of flights to ask about; `keep` a folder for the requests.
    """

    url: str | None = None
    requests: int = 50_000
    seconds: int = 45
    connections: int = 32
    workers: int = 1
    registry: str = "models"
    bundle: str | None = None
    flights: Path | None = None
    keep: Path | None = None
    compare: bool = True


def run_trial(trial: Trial, progress: Progress = lambda *_: None) -> StressResult:
    """Ask, check and compare; raise StressTestError where the test itself cannot be carried out."""
    generator = available()
    version = trial.bundle if trial.url is None else _served(trial.url)
    predictor = _predictor(trial, version)
    material = make_material(predictor, flights_for(predictor, trial.flights), min(trial.requests, DISTINCT))
    progress("requests", 1, _STEPS)
    with _folder(trial.keep) as folder:
        material.write(folder)
        with _service(trial, folder) as (url, usage):
            order = Order(f"{url}/predict", trial.connections, trial.seconds, trial.requests)
            load = generate(generator, folder, order)
            used = usage()
        progress("service", 2, _STEPS)
        wrong = _wrong(load, material, folder)
        compared, notes = [], _notes(trial, generator)
        if trial.compare and _is_here(url):
            for place, rival in enumerate(RIVALS):
                try:
                    compared.append(_compared(rival, load, generator, trial, predictor, material))
                except StressTestError as failed:
                    notes.append(f"not compared with {rival.name}: {failed}")
                progress(rival.name, 3 + place, _STEPS)
    return StressResult(
        requests=load.answered,
        errors=load.errors,
        wrong_answers=wrong,
        requests_per_second=load.per_second,
        p50_ms=load.percentile_ms(0.5),
        p95_ms=load.percentile_ms(0.95),
        p99_ms=load.percentile_ms(0.99),
        seconds=load.seconds,
        met=load.answered >= trial.requests
        and load.seconds <= trial.seconds
        and not load.errors
        and not wrong,
        asked=trial.requests,
        within_seconds=trial.seconds,
        distinct=len(material.bodies),
        connections=trial.connections,
        workers=None if trial.url else trial.workers,
        generator=generator,
        url=url,
        version=predictor.bundle.version,
        usage=used,
        compared=compared,
        notes=notes,
        latency=load.latency,
    )


def _predictor(trial: Trial, version: str | None) -> Predictor:
    try:
        return Predictor.load(trial.registry, version)
    except (RegistryError, StorageError) as error:
        if trial.url is None:
            raise
        raise StressTestError(
            f"{trial.url} serves {version}, and answers cannot be checked without that bundle: {error}; "
            "name its registry with --registry"
        ) from error


def _served(url: str) -> str:
    """Ask a service which bundle answers."""
    key = os.environ.get("PUNTUAL_API_KEY")
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/models/champion", headers={"x-api-key": key} if key else {}, timeout=10
        )
        answer.raise_for_status()
        return str(answer.json()["version"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise StressTestError(
            f"{url} does not say which bundle it serves ({error}); expected the address of a running service, "
            "such as http://127.0.0.1:8000, and its key in PUNTUAL_API_KEY if it asks for one"
        ) from error


@contextmanager
def _service(trial: Trial, folder: Path) -> Iterator[tuple[str, Callable[[], Usage | None]]]:
    if trial.url is not None:
        yield trial.url.rstrip("/"), lambda: None
        return
    port = free_port()
    with started(
        serve_command(trial, port, folder / "state"), port, folder / "service.log", ready="/readyz"
    ) as running:
        yield running.url, running.usage


def serve_command(trial: Trial, port: int, state: Path) -> list[str]:
    """Give the command that serves what a trial tests, with nothing left out: keys apart, as it is by default."""
    return [
        *(sys.executable, "-m", "puntual", "serve", "--no-auth", "--port", str(port)),
        *("--workers", str(trial.workers), "--registry", trial.registry, "--state", str(state)),
        *(("--bundle", trial.bundle) if trial.bundle else ()),
    ]


def _wrong(load: Load, material: Material, folder: Path) -> int:
    """Count the answers whose numbers are not the predictor's; another spelling of the same numbers is right."""
    mismatched = sum(
        times for times, number, body in differing(folder) if not material.is_right(number, body)
    )
    return mismatched + load.unmatched + load.uninspected


def _compared(
    rival: Rival, ours: Load, generator: str, trial: Trial, predictor: Predictor, material: Material
) -> RivalResult:
    with tempfile.TemporaryDirectory(prefix="puntual-stress-") as place:
        folder, port = Path(place), free_port()
        material.write(folder, answers=False)
        rival.prepare(folder, predictor, material, trial.registry)
        with started(rival.command(folder, port), port, folder / "server.log") as running:
            if rival.predicts:
                _require_same_model(f"{running.url}/predict", material)
            order = Order(f"{running.url}/predict", trial.connections, min(_RIVAL_SECONDS, trial.seconds))
            load = generate(generator, folder, order)
    if not load.answered:
        raise StressTestError("it answered nothing")
    return RivalResult(
        name=rival.name,
        what=rival.what,
        requests=load.answered,
        errors=load.errors,
        requests_per_second=load.per_second,
        p50_ms=load.percentile_ms(0.5),
        p95_ms=load.percentile_ms(0.95),
        p99_ms=load.percentile_ms(0.99),
        latency=load.latency,
        ratio=ours.per_second / load.per_second,
    )


def _require_same_model(url: str, material: Material) -> None:
    """Ask a few of the requests, and raise StressTestError where another model answers: it would compare nothing."""
    for body, expected in zip(material.bodies[:_ASKED_BEFORE], material.answers, strict=False):
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"}, timeout=30)
        answered, wanted = (_late_probability(content) for content in (answer.content, expected))
        if answered is None or wanted is None or abs(answered - wanted) > _AGREEMENT:
            raise StressTestError(f"it answers {answer.content[:200]!r}, where the predictor says {wanted}")


def _late_probability(body: bytes) -> float | None:
    try:
        return float(msgspec.json.decode(body)["predictions"][0]["late_probability"])
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return None


def _notes(trial: Trial, generator: str) -> list[str]:
    notes = []
    if generator == LOCUST:
        notes.append(
            f"locust made the load, which is itself slow; for the service's own limit {HOW_TO_INSTALL}"
        )
    if trial.url is not None and trial.compare and not _is_here(trial.url):
        notes.append("nothing was compared: the service runs on another machine")
    return notes


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="puntual-stress-") as place:
        yield Path(place)
