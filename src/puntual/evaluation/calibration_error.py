"""How far P(late) is from the rate at which flights given it are late.

The expected calibration error is taken over bins of equal mass, 15 as is usual, and fewer for small samples:
a bin of few flights strays from its probability by chance alone, which would be mistaken for bad calibration.
Equal probabilities always share a bin, so the order of the rows does not matter.
Source: Guo et al., On Calibration of Modern Neural Networks, 2017; for equal mass, Roelofs et al., Mitigating
Bias in Calibration Error Estimation, 2022.
"""

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.bootstrap import Draws

BINS = 15
FLIGHTS_PER_BIN = 100


def equal_mass_bins(p_late: NDArray[np.float64], bins: int | None = None) -> NDArray[np.intp]:
    """Give each flight's bin, numbered from 0 without gaps, from the least probable to the most.

    >>> equal_mass_bins(np.array([0.1, 0.2, 0.2, 0.3, 0.9, 0.95]), bins=3)
    array([0, 0, 0, 1, 2, 2])
    """
    wanted = bins or min(BINS, max(1, len(p_late) // FLIGHTS_PER_BIN))
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
