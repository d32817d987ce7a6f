"""Fitting a calibration on flights that the model has not seen.

To fit a scaling, flights lie band by band and are gone through so many at a time that they stay in the processor's
cache. Sums are taken over all of them in the order of the rows: it is the same to the bit however they are parted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from puntual.features.states import STATES, Rows, State, rows_in
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import (
    Calibration,
    Level,
    Probabilities,
    Scaling,
    softmax,
)
from puntual.training.side_by_side import side_by_side

# How strongly a scaling is drawn towards leaving the model's word as it is, in flights per unit squared.
L2_PENALTIES = (50.0, 500.0, 5_000.0, 50_000.0, 500_000.0)
_FEW = 200
_CHUNK = 8_192
# Slope, intercepts of the late bands and follow, which leave the model's word as it is.
_NEUTRAL = np.r_[1.0, np.zeros(BAND_COUNT - 1), 1.0]
_Numbers = NDArray[np.float64]


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

    def only(self, rows: Rows) -> "HoldoutPredictions":
        """Keep what is at some places, whichever flights these are."""
        kept = {name: getattr(self, name)[rows] for name in ("probabilities", "matrix", "bands", "level")}
        return replace(self, **kept)


def fit_calibration(blocks: Sequence[HoldoutPredictions], level: Level) -> Calibration:
    """Fit one scaling for each state of knowledge by log loss; `level` is the one to be applied with it.

    Each block holds flights after a cut-off. How far a scaling may leave the model's word is chosen by leaving out
    each block in turn, since what one period teaches of slope and intercepts need not hold in the next.
    """

    def of_state(state: State) -> Scaling:
        return fit_scaling([block.only(rows_in(state, block.matrix)) for block in blocks])

    names = (state.name for state in STATES)
    return Calibration(dict(zip(names, side_by_side(of_state, STATES), strict=True)), level)


def fit_level(
    recent: NDArray[np.float64],
    late: NDArray[np.bool_],
    day: NDArray[np.int64],
    weighed: Rows | slice = slice(None),
) -> Level:
    """Weigh the airport's `recent` late rates, shape (w, 4), and its rate so far to forecast the day's.

    `late` and `day` are those of all n flights, and `weighed` says which w of them `recent` holds.

    The weights are positive and sum to 1: when every recent rate rises, the forecast rises with them, also beyond
    what training saw. Fitted by log loss on flights whose history reaches into every window. The rate so far is that
    of the days before: the rate of the whole table would know the days to come, and draw too strongly to itself.
    """
    base = float(late.mean())
    rates = np.column_stack([recent, _rate_before(late, day)[weighed]])
    complete = ~np.isnan(rates).any(axis=1)
    if complete.sum() < _FEW:
        return Level(base=base)
    fitted = minimize(
        _level_loss, np.zeros(rates.shape[1]), (rates[complete], late[weighed][complete]), "L-BFGS-B"
    )
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
        self, center: _Numbers, apart: _Numbers, level: _Numbers, band: NDArray[np.intp], penalty: float
    ) -> None:
        self._center, self._apart, self._level, self._band = center, apart, level, band
        self._penalty = penalty
        flights = len(level)
        self._error = np.empty((BAND_COUNT, flights))
        self._stretched = np.empty((flights, BAND_COUNT))
        self._raised, self._chosen = np.empty(flights), np.empty(flights)

    def __call__(self, parameters: _Numbers) -> tuple[float, _Numbers]:
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

    def _of_chunk(self, chunk: slice, parameters: _Numbers) -> None:
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


def _share_out(logits: _Numbers) -> None:
    """Turn logits, band by band, into probabilities, in place and to the bit as `softmax` does row by row."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= _added_up(logits)


def _added_up(bands: _Numbers) -> _Numbers:
    """Add bands up one after another."""
    whole: _Numbers = bands[0] + bands[1]
    for band in bands[2:]:
        whole += band
    return whole


def _apart(block: HoldoutPredictions) -> Probabilities:
    """Give the probabilities as logits from the centre, which the slope stretches."""
    logits = block.prior.logits(block.probabilities, np.zeros(len(block.probabilities)))
    apart: Probabilities = logits - np.array(block.prior.center)
    return apart
