"""What a worker holds in memory while it is asked about a million flights, none of them twice."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from benchmarks.report import Promise
from benchmarks.serving.effort import Effort
from benchmarks.serving.servers import Bench
from puntual.stress.results import Load
from puntual.stress.servers import Running

_LOOK_SECONDS = 0.2


def soak(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Send the requests in steps; the most that the worker holds may not grow from the first to the last.

    A machine so slow that the time does not suffice for all is asked for as many as it can, and the line says so.
    """
    never_asked, running = bench.never_asked, bench.ours.running
    held, rates, wrong, sent, came_round = [], [], 0, 0, 0
    step = effort.soak_requests // effort.soak_steps
    end = time.monotonic() + effort.soak_seconds
    while sent < effort.soak_requests and (left := math.ceil(end - time.monotonic())) > 0:
        load, most = _load_and_look(partial(never_asked.load, left, responses=step), running)
        wrong += load.errors + load.differing + load.unmatched
        sent, came_round = sent + load.answered, came_round + load.came_round
        held.append(most)
        rates.append(load.per_second)
        yield f"       {sent:,} flights never asked before: {held[-1]:.1f} MB, {rates[-1]:,.0f}/s"
        results["soak"] = {
            "requests": sent,
            "rss_mb": held,
            "peak_mb": running.usage().peak_rss_mb,
            "growth": held[-1] / held[0],
            "requests_per_second": rates,
            "errors_or_wrong": wrong,
            "came_round": came_round,
        }
    yield Promise("memory of a worker under full load", 150, at_least=False, unit="MB").line(
        held, f"; {running.usage().peak_rss_mb:.1f} MB at the most"
    )
    yield Promise(
        f"memory over {sent:,} flights never asked before", 1.02, at_least=False, unit="times"
    ).line([held[-1] / held[0]], f"; {wrong} errors or wrong answers, {came_round} came round")


def _load_and_look(send: Callable[[], Load], running: Running) -> tuple[Load, float]:
    """Put a server under load, and give the most that one of its processes held meanwhile, in MB.

    A moment alone would tell little: every five seconds a worker lets go of four megabytes of library code, most of
    which comes back at its next use.
    """
    most = 0.0
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(send)
        while not load.done():
            most = max(most, *running.rss_mb())
            wait([load], _LOOK_SECONDS)
    return load.result(), most
