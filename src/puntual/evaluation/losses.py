"""How far predictions are from what happened: of each flight by itself, and of flights that were given the same.

The expected calibration error is taken over bins of equal mass, 15 as is usual, and fewer for small samples:
a bin of few flights strays from its probability by chance alone, which would be mistaken for bad calibration.
Equal probabilities always share a bin, so the order of the rows does not matter.
Source: Guo et al., On Calibration of Modern Neural Networks, 2017; for equal mass, Roelofs et al., Mitigating
Bias in Calibration Error Estimation, 2022.
"""

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.bootstrap import Draws
from puntual.evaluation.samples import QUANTILES
from puntual.flights.flight import BAND_COUNT

# A probability of exactly zero would cost infinitely much for one flight; 1e-15 caps the loss at 34.5.
SMALLEST_PROBABILITY = 1e-15
MOST_BINS = 15
FLIGHTS_PER_BIN = 100


def log_losses(bands: NDArray[np.floating], band: NDArray[np.integer]) -> NDArray[np.float64]:
    """Give minus the logarithm of the probability, at least 1e-15, that each flight's own band was given.

    >>> log_losses(np.array([[0.5, 0.5, 0, 0, 0], [1, 0, 0, 0, 0]]), np.array([1, 0])).round(3) + 0
    array([0.693, 0.   ])
    """
    given = np.take_along_axis(bands, band.astype(np.intp)[:, None], axis=1)[:, 0].astype(np.float64)
    return _surprise(given)


def late_log_losses(p_late: NDArray[np.float64], late: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give the logarithmic loss of late against not late."""
    given = np.where(late, p_late, 1 - p_late)
    return _surprise(given)


def pinball_losses(quantiles: NDArray[np.floating], delay: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the pinball loss in minutes of p50, p80 and p95, (n, 3); a true quantile has the least mean.

    A minute of delay above the p95 costs .95, a minute below it .05; a flight that never left costs nothing
    here, as it has no delay to compare with, and must not be counted either.
    """
    shortfall = np.where(np.isnan(delay)[:, None], 0.0, delay[:, None] - quantiles)
    levels = np.array(QUANTILES)
    losses: NDArray[np.float64] = np.maximum(levels * shortfall, (levels - 1) * shortfall)
    return losses


def baseline_bands(train_band: NDArray[np.integer], flights: int) -> NDArray[np.float64]:
    """Predict for every flight how often each band came in training, (flights, 5).

    This is the least that a model must beat. One flight is added to each band, so that a band that training
    never saw is not impossible.
    """
    counts = np.bincount(train_band, minlength=BAND_COUNT) + 1.0
    return np.tile(counts / counts.sum(), (flights, 1))


def equal_mass_bins(p_late: NDArray[np.float64], bins: int | None = None) -> NDArray[np.intp]:
    """Give each flight's bin, numbered from 0 without gaps, from the least probable to the most.

    >>> equal_mass_bins(np.array([0.1, 0.2, 0.2, 0.3, 0.9, 0.95]), bins=3)
    array([0, 0, 0, 1, 2, 2])
    """
    wanted = bins or min(MOST_BINS, max(1, len(p_late) // FLIGHTS_PER_BIN))
    edges = np.quantile(p_late, np.arange(1, wanted) / wanted)
    return np.unique(np.searchsorted(edges, p_late), return_inverse=True)[1]


def expected_calibration_error(
    p_late: NDArray[np.float64], late: NDArray[np.bool_], draws: Draws
) -> NDArray[np.float64]:
    """Give the mean over flights of their bin's |late rate − mean probability|, for every round."""
    place = equal_mass_bins(p_late)
    blocks, bins = draws.weights.shape[1], int(place.max()) + 1
    excess = np.bincount(draws.block * bins + place, late - p_late, minlength=blocks * bins)
    flights = draws.sums(np.ones(len(late)))
    strayed: NDArray[np.float64] = np.abs(draws.weights @ excess.reshape(blocks, bins)).sum(axis=1)
    return strayed / flights


def _surprise(given: NDArray[np.float64]) -> NDArray[np.float64]:
    losses: NDArray[np.float64] = -np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0))
    return losses
