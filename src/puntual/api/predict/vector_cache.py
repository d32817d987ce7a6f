"""The vectors of flights predicted lately, kept by slot so that many are gathered at once."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from puntual.api.predict.flight_resolution import ResolvedFlight, keys_of
from puntual.features.timetable import Timetable
from puntual.prediction.predictor import Predictor, Vectors

_COLUMNS = tuple(field.name for field in fields(Vectors))


class VectorCache:
    """A ring of vectors, as made by one predictor with one timetable; the oldest give way.

    A vector depends on the flight and on the day before which operations are known, and on nothing else.
    """

    def __init__(self, predictor: Predictor, known: Timetable, capacity: int) -> None:
        self._predictor, self._known, self._capacity = predictor, known, capacity
        none = predictor.vectors(keys_of([]), np.empty(0, np.int64), known)
        empty = (getattr(none, name) for name in _COLUMNS)
        self._kept = [np.zeros((capacity, *column.shape[1:]), column.dtype) for column in empty]
        self._owners: list[tuple[ResolvedFlight, int] | None] = [None] * capacity
        self._next = 0

    def slots(self, flights: Sequence[ResolvedFlight], closed: Sequence[int]) -> list[int]:
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

    def holds(self, flights: Sequence[ResolvedFlight], closed: Sequence[int]) -> bool:
        """Tell whether no vector would have to be made for n flights."""
        return all(day in flight.slots for flight, day in zip(flights, closed, strict=True))

    def gather(self, slots: Sequence[int]) -> Vectors:
        """Lay the vectors of n slots side by side."""
        places = np.array(slots, np.intp)
        return Vectors(*(column[places] for column in self._kept))

    def keep(self, flights: Sequence[ResolvedFlight], closed: Sequence[int], made: Vectors) -> None:
        """Take the vectors of n flights, the oldest giving way; n is less than the store holds."""
        places = (self._next + np.arange(len(flights))) % self._capacity
        self._next = int(places[-1] + 1) % self._capacity
        for name, column in zip(_COLUMNS, self._kept, strict=True):
            column[places] = getattr(made, name)
        for place, flight, day in zip(places.tolist(), flights, closed, strict=True):
            former = self._owners[place]
            if former is not None and former[0].slots.get(former[1]) == place:
                del former[0].slots[former[1]]
            self._owners[place] = (flight, day)
            flight.slots[day] = place

    def _make(self, wanted: list[tuple[ResolvedFlight, int]]) -> None:
        flights, closed = zip(*wanted, strict=True)
        self.keep(flights, closed, self._predictor.vectors(keys_of(flights), np.array(closed), self._known))
