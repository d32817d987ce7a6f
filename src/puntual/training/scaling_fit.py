"""Fitting the scaling of one state of knowledge by penalised log loss.

The flights lie band by band, and are gone through so many at a time that they stay in the processor's cache. Sums are
taken over all of them in the order of the rows, so the scaling is the same to the bit however they are parted.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Probabilities, Scaling
from puntual.training.holdout import HoldoutPredictions

_CHUNK = 8_192
# Slope, intercepts of the late bands and follow, which leave the model's word as it is.
_NEUTRAL = np.r_[1.0, np.zeros(BAND_COUNT - 1), 1.0]
Numbers = NDArray[np.float64]


class ScalingFit:
    """Flights after one or several cut-offs, laid out for fitting their scaling under one penalty or another."""

    def __init__(self, blocks: Sequence[HoldoutPredictions]) -> None:
        """Lay out what was predicted of these flights, and what happened to them."""
        self._prior = blocks[-1].prior
        flights = [len(block.bands) for block in blocks]
        centers = np.array([block.prior.center for block in blocks]).T
        self._center = np.repeat(centers, flights, axis=1)
        self._apart = np.concatenate([_apart(block).T for block in blocks], axis=1)
        self._level = np.concatenate([block.level for block in blocks])
        self._band = np.concatenate([block.bands for block in blocks]).astype(np.intp)

    def under(self, penalty: float) -> Scaling:
        """Fit slope, intercepts and follow; the problem is convex, and its gradient is given."""
        loss = _Loss(self._center, self._apart, self._level, self._band, penalty)
        slope, *intercepts, follow = minimize(loss, _NEUTRAL, method="L-BFGS-B", jac=True).x.tolist()
        return Scaling(slope, (0.0, *intercepts), self._prior.shift, self._prior.center, follow)


class _Loss:
    """The loss of n flights and its gradient, by the parameters of their scaling."""

    def __init__(
        self, center: Numbers, apart: Numbers, level: Numbers, band: NDArray[np.intp], penalty: float
    ) -> None:
        self._center, self._apart, self._level, self._band = center, apart, level, band
        self._penalty = penalty
        flights = len(level)
        self._error = np.empty((BAND_COUNT, flights))
        self._stretched = np.empty((flights, BAND_COUNT))
        self._raised, self._chosen = np.empty(flights), np.empty(flights)

    def __call__(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Give the loss and its gradient, both per flight."""
        flights = len(self._level)
        for start in range(0, flights, _CHUNK):
            self._of_chunk(slice(start, min(start + _CHUNK, flights)), parameters)
        strayed = parameters - _NEUTRAL
        fit = -np.log(self._chosen).sum() + self._penalty * np.square(strayed).sum()
        # Running sums add up row by row, as a sum of rows does; a sum along them would not.
        intercepts = [np.add.accumulate(error)[-1] if flights else 0.0 for error in self._error[1:]]
        slope = np.r_[self._stretched.sum(), intercepts, self._raised.sum()] + 2 * self._penalty * strayed
        return float(fit) / max(flights, 1), slope / max(flights, 1)

    def _of_chunk(self, chunk: slice, parameters: Numbers) -> None:
        """Write of some flights the share of their own band, and what each adds to the gradient."""
        error, apart, level, band = (
            self._error[:, chunk],
            self._apart[:, chunk],
            self._level[chunk],
            self._band[chunk],
        )
        np.multiply(apart, parameters[0], out=error)
        error += self._center[:, chunk]
        error[1:] += parameters[1:-1, np.newaxis]
        error[1:] += parameters[-1] * level
        _share_out(error)
        rows = np.arange(len(band))
        self._chosen[chunk] = error[band, rows]
        error[band, rows] -= 1.0
        np.multiply(error, apart, out=self._stretched[chunk].T)
        np.multiply(_added_up(error[1:]), level, out=self._raised[chunk])


def _share_out(logits: Numbers) -> None:
    """Turn logits, band by band, into probabilities, in place and to the bit as `softmax` does row by row."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= _added_up(logits)


def _added_up(bands: Numbers) -> Numbers:
    """Add bands up one after another."""
    whole = bands[0] + bands[1]
    for band in bands[2:]:
        whole += band
    return whole


def _apart(block: HoldoutPredictions) -> Probabilities:
    """Give the probabilities as logits from the centre, which the slope stretches."""
    logits = block.prior.logits(block.probabilities, np.zeros(len(block.probabilities)))
    apart: Probabilities = logits - np.array(block.prior.center)
    return apart
