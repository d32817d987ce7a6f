"""Fitting a calibration on flights that the model has not seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.features.states import STATES, State, rows_in
from puntual.features.vector import Matrix
from puntual.prediction.calibration import (
    Calibration,
    Level,
    Scaling,
    recent_rates,
    softmax,
)
from puntual.training.holdout import HoldoutPredictions
from puntual.training.scaling_fit import ScalingFit
from puntual.training.side_by_side import side_by_side

# How strongly a scaling is drawn towards leaving the model's word as it is, in flights per unit squared.
L2_PENALTIES = (50.0, 500.0, 5_000.0, 50_000.0, 500_000.0)
_FEW = 200


def fit_calibration(blocks: Sequence[HoldoutPredictions], level: Level) -> Calibration:
    """Fit one scaling for each state of knowledge by log loss; `level` is the one to be applied with it.

    Each block holds flights after a cut-off. How far a scaling may leave the model's word is chosen by leaving out
    each block in turn, since what one period teaches of slope and intercepts need not hold in the next.
    """

    def of_state(state: State) -> Scaling:
        return fit_scaling([block.only(rows_in(state, block.matrix)) for block in blocks])

    names = (state.name for state in STATES)
    return Calibration(dict(zip(names, side_by_side(of_state, STATES), strict=True)), level)


def fit_level(matrix: Matrix, late: NDArray[np.bool_], day: NDArray[np.int64]) -> Level:
    """Weigh the airport's recent late rates and its rate so far so that they forecast the late rate of the day.

    The weights are positive and sum to 1: when every recent rate rises, the forecast rises with them, also beyond
    what training saw. Fitted by log loss on flights whose history reaches into every window. The rate so far is that
    of the days before: the rate of the whole table would know the days to come, and draw too strongly to itself.
    """
    base = float(late.mean())
    rates = np.column_stack([recent_rates(matrix), _rate_before(late, day)])
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


def fit_scaling(blocks: Sequence[HoldoutPredictions]) -> Scaling:
    """Fit the scaling of one state of knowledge on flights after one or several cut-offs."""
    if sum(len(block.bands) for block in blocks) < _FEW:
        return blocks[-1].prior
    if len(blocks) == 1:
        return ScalingFit(blocks).under(L2_PENALTIES[0])
    losses = _losses_left_out(blocks, L2_PENALTIES)
    return ScalingFit(blocks).under(min(L2_PENALTIES, key=losses.__getitem__))


def loss_left_out(blocks: Sequence[HoldoutPredictions]) -> float:
    """Give the log loss of the flights that the past is known of, each block being scaled by what the others say."""
    known = [block.only(rows_in(STATES[0], block.matrix)) for block in blocks]
    return _losses_left_out(known, L2_PENALTIES[1:2])[L2_PENALTIES[1]]


def _losses_left_out(blocks: Sequence[HoldoutPredictions], penalties: Sequence[float]) -> dict[float, float]:
    """Give, by penalty, the log loss of each block under the scaling of all others, summed over flights."""

    def without(place: int) -> list[float]:
        others = ScalingFit([*blocks[:place], *blocks[place + 1 :]])
        return [_log_loss(others.under(penalty), blocks[place]) for penalty in penalties]

    by_block = side_by_side(without, range(len(blocks)))
    return {penalty: sum(losses) for penalty, *losses in zip(penalties, *by_block, strict=True)}


def _log_loss(scaling: Scaling, block: HoldoutPredictions) -> float:
    chosen = softmax(scaling.logits(block.probabilities, block.level))[
        np.arange(len(block.bands)), block.bands
    ]
    return float(-np.log(chosen).sum())
