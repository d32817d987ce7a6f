"""How fast events are taken: in batches, one by one in memory, and beside predictions."""

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from time import perf_counter
from typing import Any

import msgspec

from benchmarks.events.days import day_of, of_this_hour
from benchmarks.events.effort import EventEffort
from benchmarks.events.service import Event, EventBench, Sender, in_batches, sending
from benchmarks.report import Promise
from benchmarks.serving.servers import CONNECTIONS, NeverAsked, ServerUnderLoad
from puntual.operations.board import Board
from puntual.operations.event_contract import MOST_EVENTS
from puntual.operations.event_reading import read_events
from puntual.stress.flights import flights_for, pool_of

_POOL = 2_000_000
# 200 events a second.
_BATCHES_A_SECOND, _SMALL_BATCH = 20, 10


def batches(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Send full batches one after another to a SQLite that puts each on the disk, after one that is not counted."""
    rates = []
    with bench.service("batches") as running:
        sender, events = Sender(running.url), of_this_hour()
        sender.send(list(islice(events, MOST_EVENTS)))
        before = running.usage().cpu_seconds
        for _ in range(effort.rounds):
            sent = [list(islice(events, MOST_EVENTS)) for _ in range(effort.batches)]
            started = perf_counter()
            applied = sum(map(sender.send, sent))
            rates.append(applied / (perf_counter() - started))
        taken = effort.rounds * effort.batches * MOST_EVENTS
        processor = (running.usage().cpu_seconds - before) / taken * 1e6
    results["batches"] = {"events_per_second": rates, "processor_us_per_event": processor}
    yield Promise("events in batches of 1,000, each on the disk", 5_000, at_least=True, unit="events/s").line(
        rates, f"; {processor:.0f} µs of processor an event"
    )


def in_memory(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Put one event after another on boards that hold three days, read from what was sent."""
    del bench
    longest, middle = [], []
    for _ in range(effort.rounds):
        board, now = Board(), datetime.now(UTC)
        for day in range(3):
            board.apply(read_events(_raw(day_of(day, effort.flights_a_day)), now).events)
        last = _raw(day_of(3, effort.flights_a_day))
        times = []
        for raw in last:
            started = perf_counter()
            board.apply(read_events([raw], now).events)
            times.append((perf_counter() - started) * 1e3)
        middle.append(statistics.median(times))
        longest.append(statistics.quantiles(times, n=1_000)[-1])
    results["in_memory_ms"] = {"median": middle, "p99_9": longest}
    yield Promise("one event read and applied in memory", 1, at_least=False, unit="ms").line(
        middle, f"; {statistics.median(longest):.2f} ms for the slowest thousandth"
    )


def beside(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Ask about flights never asked before with 200 events a second and without, which comes first by turns."""
    flights = flights_for(bench.predictor, None)
    pool = pool_of(bench.predictor, flights, _POOL)
    place = bench.folder / "beside-requests"
    place.mkdir()
    acknowledged, refused, seconds = 0, 0, 0.0
    with bench.service("beside") as running:
        never_asked = NeverAsked(ServerUnderLoad(running, "/predict", place), bench.predictor, pool)
        events = in_batches(of_this_hour(), _SMALL_BATCH)
        # The board is there in both, so that the coming of events alone makes the difference.
        Sender(running.url).send(next(events))
        rates: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(effort.pairs + 1):
            for with_events in (turn % 2 == 0, turn % 2 == 1):
                if with_events:
                    started = perf_counter()
                    with sending(running.url, events, _BATCHES_A_SECOND) as counted:
                        load = never_asked.load(effort.seconds, CONNECTIONS)
                    acknowledged += sum(counted)
                    refused += counted.count(0)
                    seconds += perf_counter() - started
                else:
                    load = never_asked.load(effort.seconds, CONNECTIONS)
                rates[with_events].append(load.per_second)
                if load.errors or load.unmatched:
                    raise ValueError(f"{load.errors} errors and {load.unmatched} answers to nothing")
        ratios = [one / other for one, other in zip(rates[True][1:], rates[False][1:], strict=True)]
    results["beside"] = {"with": rates[True], "without": rates[False], "ratios": ratios}
    results["beside"] |= {"events_acknowledged": acknowledged, "batches_refused": refused, "seconds": seconds}
    yield Promise(
        "flights never asked before beside 200 events a second, to without", 0.9, at_least=True, unit="times"
    ).line(
        ratios,
        f"; {acknowledged / seconds:.0f} events a second acknowledged, {refused} batches refused and "
        f"sent again, {statistics.median(rates[True]):,.0f} answers/s",
    )


def _raw(events: list[Event]) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(event)) for event in events]
