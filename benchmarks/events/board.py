"""What a board costs: predicted again, and held in memory over a week."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from time import perf_counter
from typing import Any

from benchmarks.events.days import FIRST_DAY, day_of, flight
from benchmarks.events.effort import EventEffort
from benchmarks.events.service import EventBench, Sender, in_batches
from benchmarks.report import Promise
from puntual.operations.event_contract import MOST_EVENTS

# The board holds three days, and whole hours of a fourth.
_FULL_AFTER_DAYS = 4
_PROBE_SECONDS = 0.002


def predicted_again(bench: EventBench, effort: EventEffort, results: dict[str, Any]) -> Iterator[str]:
    """Ask for a board of flights that are known and have not left, again and again."""
    period = _period()
    processor, waited = [], []
    with bench.service("board") as running:
        sender = _shown_board(running.url, effort)
        for _ in range(2 * effort.rounds):
            before, started = running.usage().cpu_seconds, perf_counter()
            sender.board(**period)
            waited.append((perf_counter() - started) * 1e3)
            processor.append((running.usage().cpu_seconds - before) * 1e3)
        alone, beside = _probed_alone_and_beside(running.url, sender, effort)
    results["board"] = {"flights": effort.board_flights, "processor_ms": processor, "waited_ms": waited}
    results["board"] |= {"livez_alone_ms": alone, "livez_beside_ms": beside}
    yield Promise(
        f"a board of {effort.board_flights:,} flights predicted again",
        150,
        at_least=False,
        unit="ms of processor",
    ).line(processor, f"; {sorted(waited)[len(waited) // 2]:.0f} ms until it was read")
    yield Promise("/livez beside boards, its slowest hundredth", 5, at_least=False, unit="ms").line(
        [_slowest_hundredth(beside)],
        f"; {_slowest_hundredth(alone):.1f} ms with none, slowest of all {max(beside):.1f} and {max(alone):.1f}",
    )


def _shown_board(url: str, effort: EventEffort) -> Sender:
    """Tell a service of the flights of a day, and see that all are predicted."""
    known = FIRST_DAY - timedelta(hours=1)
    minutes = timedelta(days=1) / effort.board_flights
    flights = [
        flight(number, (FIRST_DAY + number * minutes).replace(second=0, microsecond=0), "EWR")
        | {"kind": "tail", "tail": f"N{number}", "known_at": known.isoformat(timespec="minutes")}
        for number in range(effort.board_flights)
    ]
    sender = Sender(url)
    for batch in in_batches(flights, MOST_EVENTS):
        sender.send(batch)
    shown = sender.board(**_period())["flights"]
    if len(shown) != effort.board_flights or not all("prediction" in one for one in shown):
        raise ValueError(f"{len(shown)} flights on the board, or some without a prediction")
    return sender


def _period() -> dict[str, str]:
    return {
        "airport": "EWR",
        "from": FIRST_DAY.isoformat(timespec="minutes"),
        "to": (FIRST_DAY + timedelta(days=1)).isoformat(timespec="minutes"),
        "as_of": FIRST_DAY.isoformat(timespec="minutes"),
    }


def _probed_alone_and_beside(
    url: str, sender: Sender, effort: EventEffort
) -> tuple[list[float], list[float]]:
    """Give what `/livez` took in ms while nothing was asked, and while boards were, one after the other."""
    alone = _probed(url, _ended_after(effort.seconds))
    asking = threading.Thread(
        target=lambda: [sender.board_unread(**_period()) for _ in range(4 * effort.rounds)]
    )
    asking.start()
    return alone, _probed(url, lambda: not asking.is_alive())


def _ended_after(seconds: float) -> Callable[[], bool]:
    due = perf_counter() + seconds
    return lambda: perf_counter() > due


def _probed(url: str, has_ended: Callable[[], bool]) -> list[float]:
    taken = []
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=60)) as connection:
        while not has_ended() or not taken:
            started = perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            taken.append((perf_counter() - started) * 1e3)
            time.sleep(_PROBE_SECONDS)
    return taken


def _slowest_hundredth(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


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
