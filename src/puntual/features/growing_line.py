"""What lies on a sorted line by entity and minute, for a board: points come and go one by one."""

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Ids
from puntual.flights.operations import Minutes

Counts = tuple[int, ...]


class GrowingLine:
    """Answers what `moments.EventLine` answers, of points that are put on it and taken off again.

    Whole numbers are summed, so that both give the same to the bit. Points mostly come in the order of time, and
    then cost the same however many there are.
    """

    def __init__(self, counts: int) -> None:
        """Begin a line of points that carry so many counts each."""
        self._nothing = (0,) * counts
        self._runs: dict[int, _Run] = {}

    def add(self, entity: int, minute: int, counts: Counts) -> None:
        """Put a point of an entity on the line."""
        run = self._runs.get(entity)
        if run is None:
            run = self._runs[entity] = _Run(self._nothing)
        run.add(minute, counts)

    def remove(self, entity: int, minute: int, counts: Counts) -> None:
        """Take a point off the line; one like it has been put there."""
        self._runs[entity].remove(minute, counts)

    def until(self, entity: Ids, minute: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities up to a minute, which is included; shape (n, counts)."""
        pairs = list(zip(entity.tolist(), minute.tolist(), strict=True))
        # Flights of one board have most of them in common.
        sums = {pair: self._sum(*pair) for pair in set(pairs)}
        return np.array([sums[pair] for pair in pairs], np.int64).reshape(-1, len(self._nothing))

    def between(self, entity: Ids, after: Minutes, until: Minutes) -> NDArray[np.int64]:
        """Sum the counts of n entities after one minute and up to another, shape (n, counts)."""
        return self.until(entity, until) - self.until(entity, after)

    def _sum(self, entity: int, minute: int) -> Counts:
        run = self._runs.get(entity)
        return self._nothing if run is None else run.total(minute)


class _Run:
    """The points of one entity in the order of time, and the totals before each as far as they were asked for."""

    __slots__ = ("_counts", "_minutes", "_totals")

    def __init__(self, nothing: Counts) -> None:
        self._minutes: list[int] = []
        self._counts: list[Counts] = []
        self._totals = [nothing]

    def add(self, minute: int, counts: Counts) -> None:
        place = bisect_right(self._minutes, minute)
        self._minutes.insert(place, minute)
        self._counts.insert(place, counts)
        del self._totals[place + 1 :]

    def remove(self, minute: int, counts: Counts) -> None:
        place = self._counts.index(counts, bisect_left(self._minutes, minute))
        del self._minutes[place], self._counts[place], self._totals[place + 1 :]

    def total(self, minute: int) -> Counts:
        place = bisect_right(self._minutes, minute)
        totals = self._totals
        while len(totals) <= place:
            totals.append(tuple(map(sum, zip(totals[-1], self._counts[len(totals) - 1], strict=True))))
        return totals[place]
