"""What a prediction becomes once more is known of the flight itself: that it has not left yet, or how late it left."""

from dataclasses import dataclass
from itertools import pairwise

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


def given_not_left(bands: NDArray[np.float64], minutes: float, shape: DelayShape) -> Outlook:
    """Give the outlook of a flight that has not left so many minutes after its schedule.

    Bands that have passed have probability 0, and of the one that it is in what lies ahead remains. Where nothing
    remains, it will be in the last.

    >>> shape = DelayShape(np.linspace([0, 15, 30, 60, 120], [15, 30, 60, 120, 240], 21, axis=1), np.zeros(5))
    >>> given_not_left(np.array([0.6, 0.1, 0.1, 0.1, 0.1]), 45, shape).bands.round(2)
    array([0. , 0. , 0.2, 0.4, 0.4])
    """
    share = np.array([_share_ahead(row, minutes) for row in shape.quantiles])
    # A band ends where the next begins, however the delays of training lay within it; who is cancelled is still ahead.
    share = np.where(np.array(_ENDS) <= minutes, 0.0, share)
    share[-1] = 1.0
    remaining = bands * share
    total = remaining.sum()
    last = np.eye(BAND_COUNT)[-1]
    return _outlook(remaining / total if total > 0 else last, _shape_ahead(shape, minutes))


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


def _share_ahead(quantiles: NDArray[np.float64], minutes: float) -> float:
    """Give the share of a band's delays that lie beyond so many minutes."""
    passed = np.searchsorted(quantiles, minutes, side="right")
    if passed == 0:
        return 1.0
    if passed == len(quantiles):
        return 0.0
    low, high = quantiles[passed - 1], quantiles[passed]
    within = (minutes - low) / (high - low)
    return float(1 - (passed - 1 + within) / (len(quantiles) - 1))


def _shape_ahead(shape: DelayShape, minutes: float) -> DelayShape:
    """Give how delays lie within what remains of each band."""
    shares = np.linspace(0, 1, shape.quantiles.shape[1])
    quantiles, means = shape.quantiles.copy(), shape.means.copy()
    for band, row in enumerate(shape.quantiles):
        ahead = _share_ahead(row, minutes)
        if ahead < 1:
            quantiles[band] = np.maximum(np.interp(1 - ahead + shares * ahead, shares, row), minutes)
            means[band] = np.mean([(low + high) / 2 for low, high in pairwise(quantiles[band])])
    return DelayShape(quantiles, means)
