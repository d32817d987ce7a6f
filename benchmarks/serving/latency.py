"""How long an answer takes: at half of the maximum, one request at a time, and the first one after a start."""

import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.report import Promise
from benchmarks.serving.effort import Effort
from benchmarks.serving.servers import AS_INSTALLED, FEW_CONNECTIONS, OURS, SERVER_CPU, Bench
from puntual.stress.results import Load
from puntual.stress.rivals import BARE
from puntual.stress.servers import free_port, started


def half_load(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Measure latency at half of the maximum: each connection waits so long that together they ask so often."""
    maximum = results["servers"][OURS]["requests_per_second"]

    def at(pause: float) -> Load:
        return bench.ours.load(effort.seconds, FEW_CONNECTIONS, pause_ms=pause)

    pause = 1000 * FEW_CONNECTIONS / (maximum / 2)
    for _ in range(3):
        # wrk waits by its own clock, so the pause is set by what comes of it.
        pause *= at(pause).per_second / (maximum / 2)
    loads = [at(pause) for _ in range(effort.rounds)]
    p99 = [load.percentile_ms(0.99) or 0.0 for load in loads]
    reached = statistics.median(load.per_second for load in loads) / maximum
    results["half_load"] = {"share_of_maximum": reached, "p99_ms": statistics.median(p99), "rounds": p99}
    yield Promise("asked before, p99 at half of the maximum", 5, at_least=False, unit="ms").line(
        p99, f"; at {reached:.2f} of the maximum"
    )


def one_connection(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Ask about one new flight at a time, beside the bare server, after one of each that is not counted."""
    bare = bench.servers.get(BARE.name)
    mine, theirs = [], []
    for turn in range(effort.rounds + 1):
        answered = bench.never_asked.load(effort.seconds, 1)
        beside = bare.load(effort.seconds, 1) if bare else None
        if turn:
            mine.append(answered.percentile_ms(0.5) or 0.0)
            theirs += [beside.percentile_ms(0.5) or 0.0] if beside else []
    results["one_connection"] = {"p50_ms": statistics.median(mine), "rounds": mine, "bare_rounds": theirs}
    beside_bare = f"; a bare answer {statistics.median(theirs):.3f} ms" if theirs else ""
    yield Promise(
        "one connection, one flight never asked before, median", 0.45, at_least=False, unit="ms"
    ).line(mine, beside_bare)


def ready(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Start the service again and again, each time with a state of its own."""
    seconds = []
    for turn in range(effort.rounds):
        place, port = bench.folder / f"ready-{turn}", free_port()
        place.mkdir()
        with started(
            bench.serve(place, port),
            port,
            place / "server.log",
            ready="/readyz",
            settings=AS_INSTALLED,
            cpu=SERVER_CPU,
        ) as running:
            seconds.append(running.ready_seconds)
    results["ready_seconds"] = statistics.median(seconds)
    results["spread"]["ready_seconds"] = [min(seconds), max(seconds)]
    yield Promise("ready after the process starts", 1, at_least=False, unit="s").line(seconds)
