"""Requests a second, server by server in turn, and what the ratios of one round are to each other."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.report import Promise
from benchmarks.serving.effort import Effort
from benchmarks.serving.servers import FEW_CONNECTIONS, NATIVE, OURS, Bench
from puntual.errors import StressTestError
from puntual.stress.results import Load
from puntual.stress.rivals import BARE, CONVENTIONAL

NEW, FEW = f"{OURS}_never_asked", f"_{FEW_CONNECTIONS}"
# A rival that now and then drops a connection is still measured; its errors are kept beside its rate.
_MOST_ERRORS = 0.01
# What is promised: a name, what is divided by what, the goal.
_PROMISES = [
    ("never asked before, 32 connections, to bare", NEW + FEW, BARE.name + FEW, 0.30),
    ("never asked before, 128 connections, to bare", NEW, BARE.name, 0.37),
    ("asked before, 32 connections, to bare", OURS + FEW, BARE.name + FEW, 0.40),
    ("asked before, 128 connections, to bare", OURS, BARE.name, 0.50),
    ("never asked before, to the conventional stack", NEW, CONVENTIONAL.name, 10.0),
]


def in_rounds(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Ask each server in turn, there and back, after one round that is not counted."""
    turns = list(_turns(bench, effort.seconds).items())
    loads: dict[str, list[Load]] = {name: [] for name, _ in turns}
    wrong = 0
    for number in range(effort.rounds + 1):
        turns.reverse()
        for name, ask in tuple(turns):
            # Some servers still work off what nobody waits for any more, on the processor that they all share.
            time.sleep(1)
            try:
                load = ask()
                wrong += _faults(name, load)
            except StressTestError as error:
                turns.remove((name, ask))
                results["failed"][name] = str(error)
                yield f"FAILED {name}, which is asked no more: {error}"
                continue
            if number:
                loads[name].append(load)
                results["servers"][name] = _summary(loads[name])
            yield f"       {f'round {number}' if number else 'not counted'}: {name} {load.per_second:,.0f}/s"
    results["errors_or_wrong"], results["came_round"] = wrong, bench.never_asked.came_round
    yield Promise("errors, wrong answers and flights asked twice, in all rounds", 0, at_least=False).line(
        [wrong + bench.never_asked.came_round]
    )
    yield from _ratios(loads, results)


def protocols(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Compare with the same service without the protocols of others, which of the two comes first by turns."""
    ours, native = bench.ours, bench.servers[NATIVE]
    ratios = []
    for turn in range(effort.pairs + 1):
        pair = (ours, native) if turn % 2 else (native, ours)
        rates = {id(one): one.load(effort.pair_seconds).per_second for one in pair}
        if turn:
            ratios.append(rates[id(ours)] / rates[id(native)])
    low, middle, high = statistics.quantiles(ratios, n=4)
    results[f"ratio_to_{NATIVE}"], results["spread"][f"ratio_to_{NATIVE}"] = middle, [low, high]
    yield Promise("asked before, to itself without other protocols", 0.97, at_least=True, unit="times").line(
        [low, middle, high], f"; quartiles of {effort.pairs} pairs"
    )


def _turns(bench: Bench, seconds: int) -> dict[str, Callable[[], Load]]:
    """Give what is asked in a round, by its name: our service of new flights and old, the others of old.

    What is divided by each other stands side by side.
    """
    never_asked = bench.never_asked
    ask = {name: partial(server.load, seconds) for name, server in bench.servers.items() if name != NATIVE}
    few = {
        f"{name}{FEW}": partial(bench.servers[name].load, seconds, FEW_CONNECTIONS)
        for name in (BARE.name, OURS)
    }
    first = {CONVENTIONAL.name: ask.pop(CONVENTIONAL.name)} if CONVENTIONAL.name in ask else {}
    new = {NEW: partial(never_asked.load, seconds)}
    new_few = {NEW + FEW: partial(never_asked.load, seconds, FEW_CONNECTIONS)}
    beside = {name: ask.pop(name) for name in (BARE.name, OURS)}
    return {**first, **new, **beside, **ask, **new_few, **few}


def _faults(name: str, load: Load) -> int:
    """Count what went wrong with ours, of which nothing may; raise StressTestError where another makes many errors."""
    if name.startswith(OURS):
        return load.errors + load.differing + load.unmatched
    if load.errors > _MOST_ERRORS * load.answered:
        raise StressTestError(f"{load.errors} errors in {load.answered} answers")
    return 0


def _summary(rounds: list[Load]) -> dict[str, Any]:
    rates = [load.per_second for load in rounds]
    return {
        "requests_per_second": statistics.median(rates),
        "spread": [min(rates), max(rates)],
        "rounds": rates,
        "p50_ms": statistics.median(load.percentile_ms(0.5) or 0 for load in rounds),
        "p99_ms": statistics.median(load.percentile_ms(0.99) or 0 for load in rounds),
        "errors": sum(load.errors for load in rounds),
        "generator_busy": statistics.median(load.generator_busy or 0 for load in rounds),
    }


def _ratios(loads: dict[str, list[Load]], results: dict[str, Any]) -> Iterator[str]:
    promises = [promise for promise in _PROMISES if {promise[1], promise[2]} <= loads.keys()]
    others = [name for name in loads if not name.startswith((OURS, BARE.name, CONVENTIONAL.name))]
    promises += [(f"never asked before, to {name}", NEW, name, 1.0) for name in others]
    for name, mine, theirs, goal in promises:
        # A server that failed half-way has fewer rounds, which are the first ones.
        ratios = [
            ours.per_second / one.per_second for ours, one in zip(loads[mine], loads[theirs], strict=False)
        ]
        if ratios:
            key = f"{mine}_to_{theirs}"
            results.setdefault("ratios", {})[key] = statistics.median(ratios)
            results["spread"][key] = [min(ratios), max(ratios)]
            yield Promise(name, goal, at_least=True, unit="times").line(ratios)
    if loads[NEW] and loads[OURS]:
        yield f"       {_absolute(loads)}"


def _absolute(loads: dict[str, list[Load]]) -> str:
    rates = {
        name: statistics.median(load.per_second for load in taken) for name, taken in loads.items() if taken
    }
    return ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items())
