"""Fitting a calibration on flights that the model has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.features.states import STATES, Rows, rows_in
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import (
    Calibration,
    Level,
    Probabilities,
    Scaling,
    softmax,
)

# How strongly a scaling is drawn towards leaving the model's word as it is, in flights per unit squared.
L2_PENALTIES = (50.0, 500.0, 5_000.0, 50_000.0, 500_000.0)
_FEW = 200


@dataclass(frozen=True, slots=True)
class HoldoutPredictions:
    """What a model predicts of flights (`rows`) that it had not seen: probabilities, with vectors, bands and level.

    The flights come first as they were on the day, then again as they were known before; `level` holds the log odds by
    which the model's own level raises each. `prior` undoes the model's treatment, and its centre are the log shares of
    the bands that it was trained on.
    """

    rows: Rows
    probabilities: Probabilities
    matrix: Matrix
    bands: NDArray[np.int8]
    level: NDArray[np.float64]
    prior: Scaling

    def calibrated(self, calibration: Calibration) -> Probabilities:
        """Calibrate the probabilities of the flights as they were on the day, by the model's own level."""
        own = slice(len(self.rows))
        return calibration.scale(self.probabilities[own], self.matrix[own], self.level[own])


def fit_calibration(blocks: Sequence[HoldoutPredictions], level: Level) -> Calibration:
    """Fit one scaling for each state of knowledge by log loss; `level` is the one to be applied with it.

    Each block holds flights after a cut-off. How far a scaling may leave the model's word is chosen by leaving out
    each block in turn, since what one period teaches of slope and intercepts need not hold in the next.
    """
    scalings = {
        state.name: fit_scaling([_only(block, rows_in(state, block.matrix)) for block in blocks])
        for state in STATES
    }
    return Calibration(scalings, level)


def fit_level(recent: NDArray[np.float64], late: NDArray[np.bool_], day: NDArray[np.int64]) -> Level:
    """Weigh the airport's `recent` late rates, shape (n, 4), and its rate so far to forecast the day's.

    The weights are positive and sum to 1: when every recent rate rises, the forecast rises with them, also beyond
    what training saw. Fitted by log loss on flights whose history reaches into every window. The rate so far is that
    of the days before: the rate of the whole table would know the days to come, and draw too strongly to itself.
    """
    base = float(late.mean())
    rates = np.column_stack([recent, _rate_before(late, day)])
    complete = ~np.isnan(rates).any(axis=1)
    if complete.sum() < _FEW:
        return Level(base=base)
    fitted = minimize(_level_loss, np.zeros(rates.shape[1]), (rates[complete], late[complete]), "L-BFGS-B")
    return Level(tuple(softmax(fitted.x[np.newaxis])[0, :-1].tolist()), base)


def _rate_before(late: NDArray[np.bool_], day: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the late rate of all flights on days before each flight's own, shape (n,); NaN on the first day."""
    _, place = np.unique(day, return_inverse=True)
    flights, late_flights = np.bincount(place).cumsum(), np.bincount(place, late).cumsum()
    rates = np.r_[np.nan, late_flights[:-1] / flights[:-1]]
    before: NDArray[np.float64] = np.where((rates > 0) & (rates < 1), rates, np.nan)[place]
    return before


def _level_loss(raw: NDArray[np.float64], rates: NDArray[np.float64], late: NDArray[np.bool_]) -> float:
    forecast = rates @ softmax(raw[np.newaxis])[0]
    return float(-np.mean(np.log(np.where(late, forecast, 1 - forecast))))


def _only(block: HoldoutPredictions, rows: Rows) -> HoldoutPredictions:
    kept = {name: getattr(block, name)[rows] for name in ("probabilities", "bands", "level")}
    # The vectors have said which state they are in, and nothing else is asked of them.
    return replace(block, matrix=block.matrix[:0], **kept)


def fit_scaling(blocks: Sequence[HoldoutPredictions]) -> Scaling:
    """Fit the scaling of one state of knowledge on flights after one or several cut-offs."""
    if sum(len(block.bands) for block in blocks) < _FEW:
        return blocks[-1].prior
    if len(blocks) == 1:
        return fit_penalised(blocks, L2_PENALTIES[0])
    return fit_penalised(blocks, min(L2_PENALTIES, key=lambda penalty: _loss_left_out(blocks, penalty)))


def loss_left_out(blocks: Sequence[HoldoutPredictions]) -> float:
    """Give the log loss of the flights that the past is known of, each block being scaled by what the others say."""
    known = [_only(block, rows_in(STATES[0], block.matrix)) for block in blocks]
    return _loss_left_out(known, L2_PENALTIES[1])


def _loss_left_out(blocks: Sequence[HoldoutPredictions], penalty: float) -> float:
    """Give the log loss of each block under the scaling of all others, summed over flights."""
    return sum(
        _log_loss(fit_penalised([*blocks[:place], *blocks[place + 1 :]], penalty), block)
        for place, block in enumerate(blocks)
    )


def fit_penalised(blocks: Sequence[HoldoutPredictions], penalty: float) -> Scaling:
    """Fit slope, intercepts and follow by penalised log loss; the problem is convex, and its gradient is given."""
    neutral = np.r_[1.0, np.zeros(BAND_COUNT - 1), 1.0]
    last = blocks[-1].prior
    apart = np.concatenate([_apart(block) for block in blocks])
    level = np.concatenate([block.level for block in blocks])
    center = np.concatenate([np.tile(block.prior.center, (len(block.bands), 1)) for block in blocks])
    truth = np.eye(BAND_COUNT)[np.concatenate([block.bands for block in blocks])]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = center + parameters[0] * apart + np.r_[0.0, parameters[1:-1]]
        logits[:, 1:] += parameters[-1] * level[:, np.newaxis]
        shares = softmax(logits)
        error, strayed = shares - truth, parameters - neutral
        fit = -np.log((shares * truth).sum(axis=1)).sum() + penalty * np.square(strayed).sum()
        follow = (error[:, 1:].sum(axis=1) * level).sum()
        slope = np.r_[(error * apart).sum(), error[:, 1:].sum(axis=0), follow] + 2 * penalty * strayed
        return float(fit) / max(len(truth), 1), slope / max(len(truth), 1)

    fitted = minimize(loss, neutral, method="L-BFGS-B", jac=True).x
    return Scaling(
        float(fitted[0]), (0.0, *fitted[1:-1].tolist()), last.shift, last.center, float(fitted[-1])
    )


def _log_loss(scaling: Scaling, block: HoldoutPredictions) -> float:
    chosen = softmax(scaling.logits(block.probabilities, block.level))[
        np.arange(len(block.bands)), block.bands
    ]
    return float(-np.log(chosen).sum())


def _apart(block: HoldoutPredictions) -> Probabilities:
    """Give the probabilities as logits from the centre, which the slope stretches."""
    logits = block.prior.logits(block.probabilities, np.zeros(len(block.probabilities)))
    apart: Probabilities = logits - np.array(block.prior.center)
    return apart
