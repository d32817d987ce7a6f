"""The rows that fitting sees of a table with more than it may: so many, of each airport's months in proportion."""

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features.flight_keys import Keys

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
