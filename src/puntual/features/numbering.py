"""Ids of 64 bits → the places of the distinct among them."""

import numpy as np
from numpy.typing import NDArray

from puntual.features.layout_kernel import IdTable

# Room for so many distinct ids to begin with; it doubles when it is taken.
_BITS = 10


class Numbering:
    """Numbers ids in the order in which it first sees them.

    >>> numbering = Numbering()
    >>> numbering.add(np.array([7, 5, 7], np.uint64)), numbering.ids
    (array([0, 1, 0], dtype=int32), array([7, 5], dtype=uint64))
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._make_room(_BITS)

    @property
    def ids(self) -> NDArray[np.uint64]:
        """The distinct ids by their numbers, shape (distinct,)."""
        return self._ids[: self._table.count]

    def add(self, ids: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Number n ids, shape (n,)."""
        numbers = np.empty(len(ids), np.int32)
        done = self._table.number(ids.data, 0, numbers.data)
        while done < len(ids):
            self._grow()
            done = self._table.number(ids.data, done, numbers.data)
        return numbers

    def in_order(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Give the distinct ids sorted, and the place of each number among them, followed by -1 for none."""
        order = self.ids.argsort()
        places = np.full(len(order) + 1, -1)
        places[order] = np.arange(len(order))
        return self.ids[order], places

    def _grow(self) -> None:
        before = self.ids
        self._make_room(self._bits + 1)
        self._table.number(before.data, 0, np.empty(len(before), np.int32).data)

    def _make_room(self, bits: int) -> None:
        self._bits, self._ids = bits, np.empty(1 << bits, np.uint64)
        # Twice as many slots as ids, so that few ids are in each other's way.
        self._table = IdTable(self._ids.data, np.full(2 << bits, -1, np.int32).data, bits + 1)
