"""The vectors of flights asked about lately, kept by slot so that many are gathered at once."""

from collections.abc import Sequence

import numpy as np

from puntual.api.predict.flight_resolution import Resolved, keys_of
from puntual.features.timetable import Timetable
from puntual.features.vector import COLUMNS
from puntual.prediction.predictions import SUPPORT_LEVELS
from puntual.prediction.predictor import Predictor, Vectors


class VectorCache:
    """A ring of vectors, as made by one predictor with one timetable; the oldest give way.

    A vector depends on the flight and on the day before which operations are known, and on nothing else.
    """

    def __init__(self, predictor: Predictor, known: Timetable, capacity: int) -> None:
        self._predictor, self._known, self._capacity = predictor, known, capacity
        self._matrix = np.zeros((capacity, len(COLUMNS)), np.float32)
        self._supports = np.zeros((capacity, len(SUPPORT_LEVELS)), np.int64)
        self._timetable_known = np.zeros(capacity, bool)
        self._until = np.zeros(capacity, np.int64)
        self._owners: list[tuple[Resolved, int] | None] = [None] * capacity
        self._next = 0

    def slots(self, flights: Sequence[Resolved], closed: Sequence[int]) -> list[int]:
        """Give the slot of each of n flights, making the vectors of those without one together.

        The slots hold until as many vectors as the store holds have been made after them.
        """
        # Vectors made now may take the slots of flights that had one, which are then made in turn.
        while missing := {
            (id(flight), day): (flight, day)
            for flight, day in zip(flights, closed, strict=True)
            if day not in flight.slots
        }:
            self._make(list(missing.values()))
        return [flight.slots[day] for flight, day in zip(flights, closed, strict=True)]

    def holds(self, flights: Sequence[Resolved], closed: Sequence[int]) -> bool:
        """Tell whether no vector would have to be made for n flights."""
        return all(day in flight.slots for flight, day in zip(flights, closed, strict=True))

    def gather(self, slots: Sequence[int]) -> Vectors:
        """Lay the vectors of n slots side by side."""
        places = np.array(slots, np.intp)
        return Vectors(
            self._matrix[places], self._supports[places], self._timetable_known[places], self._until[places]
        )

    def keep(self, flights: Sequence[Resolved], closed: Sequence[int], made: Vectors) -> None:
        """Take the vectors of n flights, the oldest giving way; n is less than the store holds."""
        places = (self._next + np.arange(len(flights))) % self._capacity
        self._next = int(places[-1] + 1) % self._capacity
        self._matrix[places] = made.matrix
        self._supports[places] = made.supports
        self._timetable_known[places] = made.timetable_known
        self._until[places] = made.history_until
        for place, flight, day in zip(places.tolist(), flights, closed, strict=True):
            former = self._owners[place]
            if former is not None and former[0].slots.get(former[1]) == place:
                del former[0].slots[former[1]]
            self._owners[place] = (flight, day)
            flight.slots[day] = place

    def _make(self, wanted: list[tuple[Resolved, int]]) -> None:
        flights, closed = zip(*wanted, strict=True)
        self.keep(flights, closed, self._predictor.vectors(keys_of(flights), np.array(closed), self._known))
