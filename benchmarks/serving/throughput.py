"""Many flights in one request, and the stress test itself."""

import math
import statistics
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.report import Promise
from benchmarks.serving.effort import Effort
from benchmarks.serving.servers import CONNECTIONS, FEW_CONNECTIONS, Bench, ServerUnderLoad
from puntual.stress.material import write_many_at_once
from puntual.stress.rivals import BARE
from puntual.stress.trial import Trial, run_trial

# The original bar, and what repeated flights were promised in.
_BAR_SECONDS, _REPEATED_SECONDS = 45, 8
# Requests of a thousand flights a second that there are enough of.
_FASTEST = 120
# A machine whose bare server gives 49,000 answers a second over the few connections was meant by it.
_FLIGHTS, _FOR_EACH_BARE = 60_000, 60 / 49


def thousand(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Ask about a thousand new flights in a request, two requests at a time, in turns with bare answers."""
    place = bench.folder / "thousand"
    place.mkdir()
    many = ServerUnderLoad(bench.ours.running, bench.ours.path, place)
    bare = bench.servers.get(BARE.name)
    rates, for_each_bare, came_round = [], [], 0
    for _ in range(effort.rounds + 1):
        write_many_at_once(bench.never_asked.take(1_000 * _FASTEST * effort.seconds), 1_000, place)
        load = many.load(effort.seconds, 2)
        rates.append(1_000 * load.per_second)
        came_round += load.came_round
        if bare is not None:
            for_each_bare.append(rates[-1] / bare.load(effort.seconds, FEW_CONNECTIONS).per_second)
    counted = rates[1:]
    results["thousand_flights_per_second"] = statistics.median(counted)
    results["spread"]["thousand_flights_per_second"] = [min(counted), max(counted)]
    name = "1,000 flights in a request, never asked before"
    yield Promise(name, _FLIGHTS, at_least=True, unit="flights/s").line(
        counted, f"; {came_round} requests came round" if came_round else ""
    )
    if for_each_bare:
        ratios = for_each_bare[1:]
        results.setdefault("ratios", {})["thousand_flights_to_bare_32"] = statistics.median(ratios)
        results["spread"]["thousand_flights_to_bare_32"] = [min(ratios), max(ratios)]
        name = f"the same, flights for each bare answer over {FEW_CONNECTIONS} connections"
        yield Promise(name, _FOR_EACH_BARE, at_least=True).line(ratios)


def bar(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Hold the stress test, with flights never asked before and with repeated ones, by turns."""
    kinds = {"never_asked": (False, _BAR_SECONDS), "repeated": (True, _REPEATED_SECONDS)}
    results["stress"] = {}
    runs: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for kind, (repeated, _) in (*kinds.items(), *reversed(kinds.items())) * math.ceil(effort.bars / 2):
        trial = Trial(
            registry=bench.registry,
            bundle=bench.version,
            requests=effort.bar_requests,
            connections=CONNECTIONS,
            compare=False,
            repeated=repeated,
        )
        run = run_trial(trial)
        runs[kind].append(run)
        yield f"       stress test, {kind}: {run.seconds:.1f} s, {run.came_round} came round"
        time.sleep(1)
    for kind, (_, goal) in kinds.items():
        seconds = [run.seconds for run in runs[kind]]
        wrong = sum(run.errors + run.wrong_answers for run in runs[kind])
        results["stress"][kind] = {
            "seconds": seconds,
            "errors_or_wrong": wrong,
            "met": [run.met for run in runs[kind]],
        }
        name = f"{effort.bar_requests:,} requests, {kind.replace('_', ' ')}"
        yield Promise(name, goal, at_least=False, unit="s").line(
            seconds, f"; {wrong} errors or wrong answers"
        )
