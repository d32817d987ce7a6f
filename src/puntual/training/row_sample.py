"""The rows that fitting sees: as many as memory allows, and of a larger table each airport's months in proportion."""

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features.flight_keys import Keys
from puntual.storage.free_memory import free_memory

FEWEST_ROWS = 1_000
# What fitting takes for each row beside what the libraries hold, at its hungriest: a forest's or a network's copies.
BYTES_A_ROW = 2_000
_SHARE = 0.5
_LEAST_ROWS = 125_000
_MONTH = "datetime64[M]"


def sample_rows(rows: Rows, strata: NDArray[np.int64], most: int, seed: int) -> Rows:
    """Draw so many of some rows, in order; all where there are no more.

    `strata` holds the stratum of each row of the whole table. Each gets its share of the sample to within one row, and
    the same rows are drawn again from the same rows by the same seed.

    >>> sample_rows(np.arange(8), np.array([0, 0, 0, 0, 0, 0, 1, 1]), 4, seed=0) // 6
    array([0, 0, 0, 1])
    """
    if len(rows) <= most:
        return rows
    chance = np.random.default_rng(seed).random(len(rows))
    by_stratum = rows[np.lexsort((chance, strata[rows]))]
    return np.sort(by_stratum[np.arange(most) * len(rows) // most])


def airport_months(keys: Keys) -> NDArray[np.int64]:
    """Give each of n flights the number of its airport's month, its stratum, shape (n,)."""
    months = keys.day.astype("datetime64[D]").astype(_MONTH).astype(np.int64)
    return months * len(keys.origin.values) + keys.origin.positions


def default_rows() -> int:
    """Give how many rows fitting may see by the memory that is available now."""
    return rows_within(free_memory())


def rows_within(free: int) -> int:
    """Give how many rows can be fitted in half of so many bytes, doubled as often as they fit.

    So they are mostly the same on the same machine, whatever else runs there for the moment.

    >>> rows_within(16 * 2**30), rows_within(10**9), rows_within(0)
    (4000000, 250000, 125000)
    """
    rows = _LEAST_ROWS
    while 2 * rows * BYTES_A_ROW <= free * _SHARE:
        rows *= 2
    return rows
