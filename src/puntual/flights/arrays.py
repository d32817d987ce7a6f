"""Tables as numpy's arrays by name: what a bundle holds, and all that serving needs of tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The first axis of every array is that of the rows. Texts are of kind U, days int64 since 1970.
Columns = Mapping[str, NDArray[Any]]


def take(table: Columns, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Keep some rows, by position or by a mask."""
    return {name: column[rows] for name, column in table.items()}


def grouped(keys: Sequence[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the order in which rows of equal keys lie together, and where in it each group begins.

    The first key weighs most.

    >>> order, begins = grouped([np.array(["b", "a", "b"]), np.array([1, 1, 0])])
    >>> order, begins
    (array([1, 2, 0]), array([0, 1, 2]))
    """
    order = np.lexsort(list(keys)[::-1])
    differs = np.zeros(len(order), bool)
    differs[:1] = True
    for key in keys:
        ordered = key[order]
        differs[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(differs)
