"""What a prediction becomes once more is known of the flight itself: that it has not left yet, or how late it left."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from puntual.flights.flight import BAND_COUNT, BAND_STARTS, LateRule, band_of
from puntual.prediction.calibration import DelayShape

_ENDS = (*BAND_STARTS, np.inf)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The bands of one flight, (5,), and what is read from them: expected minutes, and quantiles, (3,)."""

    bands: NDArray[np.float64]
    expected_minutes: float
    quantiles: NDArray[np.float64]

    @property
    def late_probability(self) -> float:
        """P(late), the sum of all bands but the first."""
        return float(self.bands[1:].sum())


class Overdue:
    """What becomes of predictions of flights that have not left; those of one minute have the same ahead of them."""

    def __init__(self, shape: DelayShape) -> None:
        """Begin for flights whose delays lie within their bands by a shape."""
        self._shape = shape
        self._rows: list[list[float]] = shape.quantiles.tolist()
        self._ahead: dict[float, _Ahead] = {}

    def outlook(self, bands: NDArray[np.float64], minutes: float) -> Outlook:
        """Give the outlook of a flight of bands, (5,), that has not left so many minutes after its schedule.

        Bands that have passed have probability 0, and of the one that it is in what lies ahead remains. Where nothing
        remains, it will be in the last.

        >>> shape = DelayShape(np.linspace([0, 15, 30, 60, 120], [15, 30, 60, 120, 240], 21, axis=1), np.zeros(5))
        >>> Overdue(shape).outlook(np.array([0.6, 0.1, 0.1, 0.1, 0.1]), 45).bands.round(2)
        array([0. , 0. , 0.2, 0.4, 0.4])
        """
        ahead = self._ahead.get(minutes)
        if ahead is None:
            ahead = self._ahead[minutes] = self._after(minutes)
        remaining = bands * ahead.shares
        total = remaining.sum()
        last = np.eye(BAND_COUNT)[-1]
        return _outlook(remaining / total if total > 0 else last, ahead.shape)

    def _after(self, minutes: float) -> "_Ahead":
        shares = [_share_ahead(row, minutes) for row in self._rows]
        shape = _shape_ahead(self._shape, shares, minutes)
        # A band ends where the next begins, however the delays of training lay within it; who is cancelled is still
        # ahead.
        left = np.where(np.array(_ENDS) <= minutes, 0.0, shares)
        left[-1] = 1.0
        return _Ahead(left, shape)


class _Ahead(NamedTuple):
    """Of each band the share that lies ahead, (5,), and how delays lie within it."""

    shares: NDArray[np.float64]
    shape: DelayShape


@lru_cache(maxsize=1_024)
def given_delay(minutes: float, rule: LateRule) -> Outlook:
    """Give the outlook of a flight that left so many minutes after its schedule, which is certain."""
    band = int(band_of(np.array([minutes]), np.array([False]), rule)[0])
    return Outlook(np.eye(BAND_COUNT)[band], minutes, np.full(3, minutes))


def given_cancelled(shape: DelayShape) -> Outlook:
    """Give the outlook of a flight that was cancelled: the last band, in whose minutes a cancellation weighs."""
    return _outlook(np.eye(BAND_COUNT)[-1], shape)


def _outlook(bands: NDArray[np.float64], shape: DelayShape) -> Outlook:
    row = bands[np.newaxis]
    return Outlook(bands, float(shape.expected_minutes(row)[0]), shape.quantile_minutes(row)[0])


def _share_ahead(quantiles: list[float], minutes: float) -> float:
    """Give the share of a band's delays that lie beyond so many minutes."""
    passed = bisect_right(quantiles, minutes)
    if passed == 0:
        return 1.0
    if passed == len(quantiles):
        return 0.0
    low, high = quantiles[passed - 1], quantiles[passed]
    within = (minutes - low) / (high - low)
    return 1 - (passed - 1 + within) / (len(quantiles) - 1)


def _shape_ahead(shape: DelayShape, ahead: list[float], minutes: float) -> DelayShape:
    """Give how delays lie within what remains of each band."""
    shares = np.linspace(0, 1, shape.quantiles.shape[1])
    quantiles, means = shape.quantiles.copy(), shape.means.copy()
    for band, (row, share) in enumerate(zip(shape.quantiles, ahead, strict=True)):
        if share < 1:
            quantiles[band] = np.maximum(np.interp(1 - share + shares * share, shares, row), minutes)
            means[band] = np.mean([(low + high) / 2 for low, high in pairwise(quantiles[band])])
    return DelayShape(quantiles, means)
