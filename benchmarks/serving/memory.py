"""What a worker holds in memory while it is asked about a million flights, none of them twice."""

from collections.abc import Iterator
from typing import Any

from benchmarks.report import Promise
from benchmarks.serving.effort import Effort
from benchmarks.serving.servers import Bench


def soak(bench: Bench, effort: Effort, results: dict[str, Any]) -> Iterator[str]:
    """Send the requests in steps; what the worker holds may not grow from the first to the last."""
    never_asked, running = bench.never_asked, bench.ours.running
    held, rates, wrong, sent, came_round = [], [], 0, 0, 0
    step = effort.soak_requests // effort.soak_steps
    for _ in range(effort.soak_steps):
        load = never_asked.load(600, responses=step)
        wrong += load.errors + load.differing + load.unmatched
        sent, came_round = sent + load.answered, came_round + load.came_round
        held.append(max(running.rss_mb()))
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
        f"memory over {effort.soak_requests:,} flights never asked before", 1.02, at_least=False, unit="times"
    ).line([held[-1] / held[0]], f"; {wrong} errors or wrong answers, {came_round} came round")
