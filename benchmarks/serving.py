"""How the service compares: with a bare answer, itself without outside protocols, and other servers of its model.

All run side by side on one processor, each asked in turn from the other, so that what the machine does otherwise meets
them alike. `benchmarks/results.json` keeps every round.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.peers import PEERS, command, with_history
from benchmarks.peers.environments import serving_python
from benchmarks.report import Promise
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry
from puntual.stress.generators import HOW_TO_INSTALL, WRK, Order, generate
from puntual.stress.material import Material, flights_for, make_material, many_at_once, vectors_of
from puntual.stress.results import Load
from puntual.stress.rivals import RIVALS
from puntual.stress.servers import Running, free_port, started
from puntual.stress.trial import DISTINCT, Trial, run_trial, serve_command

RESULTS = Path("benchmarks/results.json")
ROUNDS, ROUND_SECONDS = 5, 4
# Two of the same service differ by a tenth from round to round, so their difference takes many.
PAIRS, PAIR_SECONDS = 16, 2
CONNECTIONS, CONNECTIONS_AT_HALF = 128, 32
SERVER_CPU, LOAD_CPU = 0, 1
SOAK_REQUESTS, SOAK_STEPS = 1_000_000, 10
_OURS, _NATIVE = "puntual", "native_alone"


@dataclass(frozen=True)
class Asked:
    """A server that runs, and the folder of requests that it is sent."""

    running: Running
    path: str
    folder: Path

    def load(self, seconds: int = ROUND_SECONDS, connections: int = CONNECTIONS, **more: Any) -> Load:
        """Put it under load from the other processor."""
        url = f"{self.running.url}{self.path}"
        return generate(WRK, self.folder, Order(url, connections, seconds, cpu=LOAD_CPU, **more))


def serving(folder: Path, registry: str, version: str) -> Iterator[str]:
    """Measure it all, write `results.json`, and give a line for each promise."""
    if shutil.which(WRK) is None:
        raise SystemExit(f"the load is made by wrk, which is not here; {HOW_TO_INSTALL}")
    folder.mkdir(parents=True, exist_ok=True)
    predictor = Predictor.load(registry, version)
    material = make_material(predictor, flights_for(predictor, None), DISTINCT)
    found: dict[str, Any] = {"connections": CONNECTIONS, "flights": len(material.bodies)}
    with ExitStack() as stack:
        servers = _servers(stack, folder, predictor, material, registry, version)
        native = servers.pop(_NATIVE)
        loads = _rounds(servers)
        found["servers"] = {name: _summary(rounds) for name, rounds in loads.items()}
        yield from _ratios(loads, found)
        ours = servers[_OURS]
        yield from _protocols(ours, native, found)
        yield from _half_load(ours, statistics.median(load.per_second for load in loads[_OURS]), found)
        yield from _thousand(ours, folder, material, found)
        yield from _soak(ours, found)
    yield from _ready(folder, registry, version, found)
    yield from _bar(registry, version, found)
    found["versions"] = {
        name: metadata.version(name) for name in ("onnxruntime", "uvicorn", "litestar", "fastapi", "pandas")
    }
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


def _servers(
    stack: ExitStack, folder: Path, predictor: Predictor, material: Material, registry: str, version: str
) -> dict[str, Asked]:
    servers = {}

    def start(
        name: str, words: Callable[[Path, int], list[str]], path: str, place: Path, **more: Any
    ) -> None:
        port = free_port()
        running = stack.enter_context(
            started(words(place, port), port, place / "server.log", cpu=SERVER_CPU, **more)
        )
        servers[name] = Asked(running, path, place)

    def prepared(name: str) -> Path:
        place = folder / name
        place.mkdir()
        return place

    place = prepared(_OURS)
    material.write(place)
    start(_OURS, lambda at, port: _serve(registry, version, at, port), "/predict", place, ready="/readyz")
    place = prepared(_NATIVE)
    material.write(place)
    start(
        _NATIVE,
        lambda at, port: _serve(registry, version, at, port, "benchmarks.native_alone"),
        "/predict",
        place,
        ready="/readyz",
    )
    for rival in RIVALS:
        place = prepared(rival.name)
        material.write(place, answers=False)
        rival.prepare(place, predictor, material, registry)
        start(rival.name, rival.command, "/predict", place)
    bundle = Registry(registry).read(version)
    # The peers serve one model: that of flights with history, asked about the columns that it reads.
    vectors, model = with_history(bundle, vectors_of(predictor, material)), bundle.experts["history"]
    for peer in PEERS:
        place = prepared(peer.name)
        (place / "model.onnx").write_bytes(model)
        (place / "requests.txt").write_text("\n".join(map(peer.body, vectors)) + "\n")
        start(peer.name, lambda at, port, peer=peer: command(peer, at, port), peer.path, place)
    return servers


def _serve(registry: str, version: str, place: Path, port: int, module: str = "puntual") -> list[str]:
    """Give the command that serves with what serving needs and no more, as an image does."""
    _, _, _, *words = serve_command(Trial(registry=registry, bundle=version), port, place / "state")
    return [str(serving_python()), "-m", module, *words]


def _rounds(servers: dict[str, Asked]) -> dict[str, list[Load]]:
    """Ask each server in turn, there and back, after one round that is not counted."""
    loads: dict[str, list[Load]] = {name: [] for name in servers}
    turns = list(servers.items())
    for turn in range(ROUNDS + 1):
        turns.reverse()
        for name, server in turns:
            # Some servers still work off what nobody waits for any more, on the processor that they all share.
            time.sleep(1)
            load = server.load()
            if load.errors or load.differing or (load.unmatched and name == _OURS):
                raise SystemExit(f"{name}: {load.errors} errors, {load.differing} answers not as expected")
            if turn:
                loads[name].append(load)
    return loads


def _summary(rounds: list[Load]) -> dict[str, Any]:
    rates = [load.per_second for load in rounds]
    return {
        "requests_per_second": statistics.median(rates),
        "spread": [min(rates), max(rates)],
        "rounds": rates,
        "p50_ms": statistics.median(load.percentile_ms(0.5) or 0 for load in rounds),
        "p99_ms": statistics.median(load.percentile_ms(0.99) or 0 for load in rounds),
    }


def _ratios(loads: dict[str, list[Load]], found: dict[str, Any]) -> Iterator[str]:
    goals = {"bare": 0.35, "conventional": 15.0}
    found["spread"] = {}
    for name in loads:
        if name == _OURS:
            continue
        pairs = zip(loads[_OURS], loads[name], strict=True)
        ratios = [ours.per_second / theirs.per_second for ours, theirs in pairs]
        found[f"ratio_to_{name}"] = statistics.median(ratios)
        found["spread"][f"ratio_to_{name}"] = [min(ratios), max(ratios)]
        promise = Promise(f"requests/s beside {name}", goals.get(name, 1.0), at_least=True, unit="times")
        yield promise.line(ratios)


def _protocols(ours: Asked, native: Asked, found: dict[str, Any]) -> Iterator[str]:
    """Compare with the same service without the protocols of others, which of the two comes first by turns."""
    ratios = []
    for turn in range(PAIRS + 1):
        pair = (ours, native) if turn % 2 else (native, ours)
        rates = {id(one): one.load(PAIR_SECONDS).per_second for one in pair}
        if turn:
            ratios.append(rates[id(ours)] / rates[id(native)])
    low, middle, high = statistics.quantiles(ratios, n=4)
    found[f"ratio_to_{_NATIVE}"], found["spread"][f"ratio_to_{_NATIVE}"] = middle, [low, high]
    yield Promise("requests/s beside itself without other protocols", 0.97, at_least=True, unit="times").line(
        [low, middle, high], f"; quartiles of {PAIRS} pairs"
    )


def _half_load(ours: Asked, maximum: float, found: dict[str, Any]) -> Iterator[str]:
    """Measure latency at half of the maximum: each connection waits so long that together they ask so often."""

    def at(pause: float) -> Load:
        return ours.load(connections=CONNECTIONS_AT_HALF, pause_ms=pause)

    pause = 1000 * CONNECTIONS_AT_HALF / (maximum / 2)
    for _ in range(3):
        # wrk waits by its own clock, so the pause is set by what comes of it.
        pause *= at(pause).per_second / (maximum / 2)
    loads = [at(pause) for _ in range(ROUNDS)]
    p99 = [load.percentile_ms(0.99) or 0.0 for load in loads]
    reached = statistics.median(load.per_second for load in loads) / maximum
    found["half_load"] = {"share_of_maximum": reached, "p99_ms": statistics.median(p99), "rounds": p99}
    yield Promise("p99 at half of the maximum", 5, at_least=False, unit="ms").line(
        p99, f"; at {reached:.2f} of the maximum"
    )


def _thousand(ours: Asked, folder: Path, material: Material, found: dict[str, Any]) -> Iterator[str]:
    place = folder / "thousand"
    place.mkdir()
    (place / "requests.txt").write_bytes(b"\n".join(many_at_once(material, 1_000)) + b"\n")
    many = Asked(ours.running, ours.path, place)
    many.load(connections=2)
    rates = [1_000 * many.load(connections=2).per_second for _ in range(ROUNDS)]
    found["thousand_flights_per_second"] = statistics.median(rates)
    found["spread"]["thousand_flights_per_second"] = [min(rates), max(rates)]
    yield Promise("1,000 flights in a request", 40_000, at_least=True, unit="flights/s").line(rates)


def _soak(ours: Asked, found: dict[str, Any]) -> Iterator[str]:
    """Send a million requests; what the worker holds may not grow from the first tenth to the last."""
    held, wrong, sent = [], 0, 0
    for _ in range(SOAK_STEPS):
        load = ours.load(seconds=600, responses=SOAK_REQUESTS // SOAK_STEPS)
        wrong += load.errors + load.differing + load.unmatched
        sent += load.answered
        held.append(max(ours.running.rss_mb()))
    growth = held[-1] / held[0]
    found["soak"] = {"requests": sent, "rss_mb": held, "growth": growth, "errors_or_wrong": wrong}
    yield Promise("memory of a worker under load", 160, at_least=False, unit="MB").line(held)
    yield Promise(f"memory over {SOAK_REQUESTS:,} requests", 1.02, at_least=False, unit="times").line(
        [growth], f"; {wrong} errors or wrong answers"
    )


def _ready(folder: Path, registry: str, version: str, found: dict[str, Any]) -> Iterator[str]:
    seconds = []
    for turn in range(ROUNDS):
        place, port = folder / f"ready-{turn}", free_port()
        place.mkdir()
        with started(
            _serve(registry, version, place, port),
            port,
            place / "server.log",
            ready="/readyz",
            cpu=SERVER_CPU,
        ) as running:
            seconds.append(running.ready_seconds)
    found["ready_seconds"] = statistics.median(seconds)
    found["spread"]["ready_seconds"] = [min(seconds), max(seconds)]
    yield Promise("ready after the process starts", 1, at_least=False, unit="s").line(seconds)


def _bar(registry: str, version: str, found: dict[str, Any]) -> Iterator[str]:
    """Hold the stress test itself, with the load on the same two processors."""
    trial = Trial(registry=registry, bundle=version, seconds=8, connections=CONNECTIONS, compare=False)
    runs = []
    for _ in range(3):
        runs.append(run_trial(trial))
        time.sleep(1)
    seconds = [run.seconds for run in runs]
    wrong = sum(run.errors + run.wrong_answers for run in runs)
    found["stress"] = {"seconds": seconds, "errors_or_wrong": wrong, "met": [run.met for run in runs]}
    yield Promise("50,000 requests", 8, at_least=False, unit="s").line(
        seconds, f"; {wrong} errors or wrong answers"
    )
