"""Fitting a calibration on flights that the model has not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.calibration import (
    Calibration,
    Level,
    Probabilities,
    Scaling,
    history_is_known,
    log_odds_of_level,
    softmax,
)
from puntual.features.vector import Matrix
from puntual.flights import BAND_COUNT

# Strength of the pull towards leaving the model's word as it is, in flights per unit squared.
_PULL = 50.0
_FEW = 200


@dataclass(frozen=True, slots=True)
class Unseen:
    """Flights that a model had not seen: what it said of them, their vectors, their bands and their level."""

    said: Probabilities
    matrix: Matrix
    bands: NDArray[np.int8]
    level: NDArray[np.float64]
    shift: tuple[float, ...]


def pool(parts: list[Unseen]) -> Unseen:
    """Put several sets of unseen flights together."""
    said, matrix, bands, level = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("said", "matrix", "bands", "level")
    )
    return Unseen(said, matrix, bands, level, parts[-1].shift)


def fit_calibration(unseen: Unseen, level: Level) -> Calibration:
    """Fit one scaling for each state of knowledge by log loss; `level` is the one to be applied with it."""
    known = history_is_known(unseen.matrix)
    return Calibration(_fit_scaling(unseen, known), _fit_scaling(unseen, ~known), level)


def fit_level(matrix: Matrix, late: NDArray[np.bool_]) -> Level:
    """Weigh the airport's recent late rates so that they forecast the late rate of the day best.

    The weights are positive and sum to 1: when every recent rate rises, the forecast rises with them, also beyond
    what training saw. They are fitted by log loss on flights whose history reaches into every window.
    """
    odds = log_odds_of_level(matrix)
    complete = ~np.isnan(odds).any(axis=1)
    base = _log_odds(late.mean())
    if complete.sum() < _FEW:
        return Level(base=base)
    found = minimize(_level_loss, np.zeros(odds.shape[1]), (odds[complete], late[complete]), "L-BFGS-B")
    return Level(tuple(softmax(found.x[np.newaxis])[0].tolist()), base)


def with_base(level: Level, late: NDArray[np.bool_]) -> Level:
    """Keep the weights and take the base from the flights of another model."""
    return Level(level.weights, _log_odds(late.mean()))


def _log_odds(rate: float) -> float:
    return float(np.log(rate / (1 - rate)))


def _level_loss(raw: NDArray[np.float64], odds: NDArray[np.float64], late: NDArray[np.bool_]) -> float:
    forecast = odds @ softmax(raw[np.newaxis])[0]
    return float(np.mean(np.logaddexp(0, forecast) - late * forecast))


def _fit_scaling(unseen: Unseen, rows: NDArray[np.bool_]) -> Scaling:
    neutral = np.r_[1.0, np.zeros(BAND_COUNT - 1)]
    if rows.sum() < _FEW:
        return Scaling(shift=unseen.shift)
    said, bands, level = unseen.said[rows], unseen.bands[rows], unseen.level[rows]

    def loss(parameters: NDArray[np.float64]) -> float:
        logits = _scaling(parameters, unseen.shift).logits(said)
        logits[:, 1:] += level[:, np.newaxis]
        chosen = softmax(logits)[np.arange(len(bands)), bands]
        return float(-np.log(chosen).sum() + _PULL * np.square(parameters - neutral).sum()) / len(bands)

    return _scaling(minimize(loss, neutral, method="L-BFGS-B").x, unseen.shift)


def _scaling(parameters: NDArray[np.float64], shift: tuple[float, ...]) -> Scaling:
    return Scaling(float(parameters[0]), (0.0, *parameters[1:].tolist()), shift)
