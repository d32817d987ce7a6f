"""From the probabilities of five bands to minutes: the expected delay and its quantiles.

Both are read from the bands and from how delays lay within each band in training, so that neither can contradict
P(late). Minutes are those of a flight that leaves: a cancelled one has none.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, BAND_STARTS

LEVELS = (0.5, 0.8, 0.95)
_LEVELS = np.array(LEVELS)
_AT = _LEVELS[:, np.newaxis]
_STEPS = 20
# The edges that a band keeps where training saw too little of it.
_EDGES = (-15.0, *BAND_STARTS, 240.0)
_ENOUGH = 30


@dataclass(frozen=True, slots=True)
class DelayShape:
    """How delays lie within each band: quantiles at evenly spaced shares, (5, 21), and means, (5,), in minutes."""

    quantiles: NDArray[np.float64]
    means: NDArray[np.float64]

    def expected_minutes(self, bands: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the expected delay of n flights, shape (n,), in minutes; a cancellation weighs as the last band."""
        # Not a matrix product: that rounds a row differently with the rows beside it.
        minutes: NDArray[np.float64] = (bands * self.means).sum(axis=1)
        return minutes

    def quantile_minutes(self, bands: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the delay not exceeded with probability .5, .8 and .95, shape (n, 3), in minutes."""
        reached = bands.cumsum(axis=1)
        band = np.minimum((reached[:, np.newaxis] < _AT).sum(axis=2), BAND_COUNT - 1)
        # Positions in the flattened table, which are looked up sooner than rows and columns.
        place = band + np.arange(0, bands.size, BAND_COUNT)[:, np.newaxis]
        own = bands.ravel()[place]
        below = reached.ravel()[place] - own
        share = np.minimum(np.maximum((_LEVELS - below) / np.maximum(own, 1e-12), 0.0), 1.0) * _STEPS
        step = np.minimum(share.astype(np.intp), _STEPS - 1)
        flat, edge = self.quantiles.ravel(), band * (_STEPS + 1) + step
        low = flat[edge]
        minutes: NDArray[np.float64] = low + (share - step) * (flat[edge + 1] - low)
        return minutes


def learn_shape(delay: NDArray[np.float64], band: NDArray[np.int8]) -> DelayShape:
    """Learn how the delays of departed flights (NaN where cancelled) lie within their bands."""
    within = [delay[(band == place) & ~np.isnan(delay)] for place in range(BAND_COUNT)]
    shares = np.linspace(0, 1, _STEPS + 1)
    quantiles = [
        np.quantile(minutes, shares) if len(minutes) >= _ENOUGH else np.interp(shares, (0, 1), edges)
        for minutes, edges in zip(within, pairwise(_EDGES), strict=True)
    ]
    means = [
        minutes.mean() if len(minutes) >= _ENOUGH else drawn.mean()
        for minutes, drawn in zip(within, quantiles, strict=True)
    ]
    return DelayShape(np.array(quantiles), np.array(means))


def to_table(shape: DelayShape) -> Columns:
    """Lay the shape out as a table of one row a band, to be stored."""
    return {"mean": shape.means, "quantiles": shape.quantiles}


def from_table(table: Columns) -> DelayShape:
    """Read back what `to_table` laid out."""
    return DelayShape(table["quantiles"], table["mean"])
