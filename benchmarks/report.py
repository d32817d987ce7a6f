"""One line for each promise: what was measured, its spread, the goal, and whether it holds."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Promise:
    """A figure to reach: at least or at most `goal`."""

    name: str
    goal: float
    at_least: bool
    unit: str = ""

    def line(self, measured: Sequence[float], beside: str = "") -> str:
        """Say what was measured, as median and range, against the goal."""
        median = statistics.median(measured)
        holds = median >= self.goal if self.at_least else median <= self.goal
        spread = f" [{min(measured):.4g} to {max(measured):.4g}]" if len(measured) > 1 else ""
        sign = "≥" if self.at_least else "≤"
        verdict = "holds" if holds else "MISSED"
        return f"{verdict:7}{self.name}: {median:.4g}{spread} {self.unit} ({sign} {self.goal:g}){beside}"


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = perf_counter()
    work()
    return perf_counter() - started


def in_turns(
    rounds: int, work: Callable[[], object], beside: Callable[[], object]
) -> tuple[list[float], list[float]]:
    """Time two pieces of work in turns, after one of each that is not counted."""
    work(), beside()
    pairs = [(seconds(work), seconds(beside)) for _ in range(rounds)]
    mine, theirs = zip(*pairs, strict=True)
    return list(mine), list(theirs)


def ratio(mine: Sequence[float], theirs: Sequence[float], what: str) -> str:
    """Say how many times the time of something bare, measured in turns, this took."""
    ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
    return f"; {statistics.median(ratios):.2f} times {what}"
