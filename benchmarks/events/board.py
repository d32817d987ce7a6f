"""What a board costs: predicted again, and held in memory over a week."""

from collections.abc import Iterator
from datetime import timedelta
from time import perf_counter
from typing import Any

from benchmarks.events.days import FIRST_DAY, day_of, flight
from benchmarks.events.effort import EventEffort
from benchmarks.events.service import EventBench, Sender, in_batches
from benchmarks.report import Promise
from puntual.operations.event_contract import MOST_EVENTS

# The board holds three days, and whole hours of a fourth.
_FULL_AFTER_DAYS = 4


def predicted_again(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Ask for a board of flights that are known and have not left, again and again."""
    known = FIRST_DAY - timedelta(hours=1)
    minutes = timedelta(days=1) / effort.board_flights
    flights = [
        flight(number, (FIRST_DAY + number * minutes).replace(second=0, microsecond=0), "EWR")
        | {"kind": "tail", "tail": f"N{number}", "known_at": known.isoformat(timespec="minutes")}
        for number in range(effort.board_flights)
    ]
    period = {
        "airport": "EWR",
        "from": FIRST_DAY.isoformat(timespec="minutes"),
        "to": (FIRST_DAY + timedelta(days=1)).isoformat(timespec="minutes"),
        "as_of": FIRST_DAY.isoformat(timespec="minutes"),
    }
    processor, waited = [], []
    with bench.service("board") as running:
        sender = Sender(running.url)
        for batch in in_batches(flights, MOST_EVENTS):
            sender.send(batch)
        shown = sender.board(**period)["flights"]
        if len(shown) != effort.board_flights or not all("prediction" in one for one in shown):
            raise ValueError(f"{len(shown)} flights on the board, or some without a prediction")
        for _ in range(2 * effort.rounds):
            before, started = running.usage().cpu_seconds, perf_counter()
            sender.board(**period)
            waited.append((perf_counter() - started) * 1e3)
            processor.append((running.usage().cpu_seconds - before) * 1e3)
    results["board"] = {"flights": effort.board_flights, "processor_ms": processor, "waited_ms": waited}
    yield Promise(
        f"a board of {effort.board_flights:,} flights predicted again",
        150,
        at_least=False,
        unit="ms of processor",
    ).line(processor, f"; {sorted(waited)[len(waited) // 2]:.0f} ms until it was read")


def simulated_week(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Send day after day, and hold the memory at the end against that once the board was full."""
    held = []
    with bench.service("week") as running:
        sender = Sender(running.url)
        for day in range(effort.days + _FULL_AFTER_DAYS):
            for batch in in_batches(day_of(day, effort.flights_a_day), MOST_EVENTS):
                sender.send(batch)
            for airport in ("EWR", "JFK", "LGA"):
                sender.board(airport=airport, **_day(day))
            held.append(max(running.rss_mb()))
    results["week"] = {"rss_mb": held}
    full = held[_FULL_AFTER_DAYS - 1]
    yield Promise(f"memory over {effort.days} days of events", 1.05, at_least=False, unit="times").line(
        [held[-1] / full], f"; {full:.0f} MB, then {held[-1]:.0f} MB"
    )


def _day(day: int) -> dict[str, str]:
    begin = FIRST_DAY + timedelta(days=day)
    end = begin + timedelta(hours=12)
    return {"from": begin.isoformat(), "to": end.isoformat(), "as_of": begin.isoformat()}
