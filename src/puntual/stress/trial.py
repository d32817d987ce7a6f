"""One stress test: the service under load with its answers checked, and what it is compared with."""

import os
import shutil
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
from puntual.stress.flights import flights_for, latest_flights, pool_of
from puntual.stress.generators import HOW_TO_INSTALL, LOCUST, Order, available, differing, generate
from puntual.stress.material import REQUESTS, Material, write_material
from puntual.stress.results import Load, RivalResult, StressResult, Usage
from puntual.stress.rivals import RIVALS, Rival
from puntual.stress.servers import free_port, started

Progress = Callable[[str, int, int], object]
# What is asked about when flights are repeated, and the most that are made where none is: a gigabyte of text.
REPEATED, _MOST_FLIGHTS = 10_000, 1_000_000
# No service answers more a second; what cannot be asked need not be made.
_FASTEST = 50_000
_RIVAL_SECONDS = 5
_STEPS = 2 + len(RIVALS)
# Another way to the same numbers may round them otherwise, and no more.
_AGREEMENT, _CHECKED_FIRST = 1e-5, 20
# A generator that takes more of its processor than this is itself the limit.
_BUSY = 0.95


@dataclass(frozen=True)
class Trial:
    """What to test and how hard: a service that runs at `url`, or one that is started for the test.

    The bar is `requests` answered, and rightly, within `seconds`. `registry` and `bundle` name what is served and
    what answers are checked against; `flights` is a file of flights to ask about; `keep` a folder for the requests.
    Each request is about another flight, moved over dates where the file has fewer, unless the latest are `repeated`.
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
    repeated: bool = False


def run_trial(trial: Trial, progress: Progress = lambda *_: None) -> StressResult:
    """Ask, check and compare; raise StressTestError where the test itself cannot be carried out."""
    generator = available()
    version = trial.bundle if trial.url is None else _served(trial.url)
    predictor = _predictor(trial, version)
    with _folder(trial.keep) as folder:
        material = _material(trial, predictor, folder)
        progress("requests", 1, _STEPS)
        with _service(trial, folder) as (url, usage):
            order = Order(f"{url}/predict", trial.connections, trial.seconds, trial.requests)
            load = generate(generator, folder, order)
            used = usage()
        progress("service", 2, _STEPS)
        wrong = material.wrong(differing(folder)) + load.unmatched + load.uninspected
        compared, notes = [], _notes(trial, generator, load)
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
        distinct=material.distinct,
        connections=trial.connections,
        workers=None if trial.url else trial.workers,
        generator=generator,
        url=url,
        version=predictor.bundle.version,
        usage=used,
        compared=compared,
        notes=notes,
        latency=load.latency,
        repeated=trial.repeated,
        came_round=0 if trial.repeated else load.came_round,
        generator_busy=load.generator_busy,
    )


def _material(trial: Trial, predictor: Predictor, folder: Path) -> Material:
    flights = flights_for(predictor, trial.flights)
    if trial.repeated:
        latest = latest_flights(predictor, flights, min(trial.requests, REPEATED))
        return write_material(predictor, latest, folder, repeated=True)
    # Each connection sends another request before the generator has counted the last response.
    number = trial.requests + 2 * trial.connections
    number = min(number, trial.seconds * _FASTEST, _MOST_FLIGHTS)
    return write_material(predictor, pool_of(predictor, flights, number).take(0, number), folder)


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


def _compared(
    rival: Rival, ours: Load, generator: str, trial: Trial, predictor: Predictor, material: Material
) -> RivalResult:
    with tempfile.TemporaryDirectory(prefix="puntual-stress-") as place:
        folder, port = Path(place), free_port()
        shutil.copyfile(material.folder / REQUESTS, folder / REQUESTS)
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
    for body, expected in material.first(_CHECKED_FIRST):
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"}, timeout=30)
        answered, wanted = (_late_probability(content) for content in (answer.content, expected))
        if answered is None or wanted is None or abs(answered - wanted) > _AGREEMENT:
            raise StressTestError(f"it answers {answer.content[:200]!r}, where the predictor says {wanted}")


def _late_probability(body: bytes) -> float | None:
    try:
        return float(msgspec.json.decode(body)["predictions"][0]["late_probability"])
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return None


def _notes(trial: Trial, generator: str, load: Load) -> list[str]:
    notes = []
    if not trial.repeated and load.came_round:
        notes.append(
            f"{load.came_round} requests came when every flight had been asked about, and repeated some; a table with "
            "more flights has more of them (--flights)"
        )
    if load.generator_busy is not None and load.generator_busy > _BUSY:
        notes.append(
            f"the load generator took {load.generator_busy:.0%} of its processor: the service may bear more"
        )
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
