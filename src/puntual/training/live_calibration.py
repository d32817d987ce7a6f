"""The scaling of a live state: how far it follows the airport's level, and how far slope and intercepts may stray.

Chosen by leaving out folds in turn. Where the level hardly moved in the folds many lose nearly alike, and will not once
it moves: of those the one is taken that follows most and is calibrated still.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.losses import equal_mass_bins
from puntual.prediction.calibration import Probabilities, Scaling
from puntual.training.calibration_fit import L2_PENALTIES, HoldoutPredictions, fit_penalised
from puntual.training.live_folds import FoldAnswers

# As an offset the airport's level wins when it moves and loses when it does not: so much of it is followed.
FOLLOWED = (0.0, 0.25, 0.5, 0.75, 1.0)
# What mixtures are compared under: the level is followed as the day before follows it.
USUAL = (1.0, L2_PENALTIES[1])
_TRIED = tuple((share, penalty) for share in FOLLOWED for penalty in L2_PENALTIES[1:])
# Scalings whose losses differ by a smaller share are as good, and calibrated when their error is no higher.
_AS_GOOD, _CALIBRATED = 0.001, 0.02

Losses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoldScores:
    """How good a state's answers are on the flights of all folds, each scaled by what the other folds say.

    `losses` are those of the flights present at every cut-off, by minutes ahead; `ece` is the calibration error of the
    flights that were waiting, at the cut-off where it is highest.
    """

    losses: Mapping[int, Losses]
    ece: float

    @property
    def loss(self) -> float:
        """The mean loss over cut-offs."""
        return float(np.mean([loss.mean() for loss in self.losses.values()]))


def choose_scaling(answered: Sequence[FoldAnswers]) -> tuple[Scaling, FoldScores]:
    """Choose the scaling of a state, and say how good it is on folds left out."""
    tried = _TRIED if len(answered) > 1 else (USUAL,)
    outcomes = {options: leave_out(answered, *options) for options in tried}
    least = min(outcome.loss for outcome in outcomes.values())
    as_good = [options for options, outcome in outcomes.items() if outcome.loss <= least * (1 + _AS_GOOD)]
    calibrated = [options for options in as_good if outcomes[options].ece <= _CALIBRATED] or as_good
    best = min(calibrated, key=lambda options: (-options[0], outcomes[options].loss))
    return _fit([one.block for one in answered], *best), outcomes[best]


def leave_out(answered: Sequence[FoldAnswers], share: float, penalty: float) -> FoldScores:
    """Scale each fold by what all others say, or by its own where it stands alone."""
    blocks = [one.block for one in answered]
    scaled = [
        one.calibrated(_fit([*blocks[:place], *blocks[place + 1 :]] or blocks, share, penalty))
        for place, one in enumerate(answered)
    ]
    losses, errors = {}, []
    for minutes in answered[0].raw:
        shown = [(one.fold, predicted[minutes]) for one, predicted in zip(answered, scaled, strict=True)]
        losses[minutes] = np.concatenate(
            [log_losses(bands, fold.bands)[fold.present] for fold, bands in shown]
        )
        waiting = [(bands[fold.waiting[minutes]], fold.bands[fold.waiting[minutes]]) for fold, bands in shown]
        errors.append(_error(*map(np.concatenate, zip(*waiting, strict=True))))
    return FoldScores(losses, max(errors))


def _error(predicted: Probabilities, bands: NDArray[np.int8]) -> float:
    p_late, late = predicted[:, 1:].sum(axis=1), bands > 0
    return float(np.abs(np.bincount(equal_mass_bins(p_late), late - p_late)).sum() / len(late))


def _fit(blocks: Sequence[HoldoutPredictions], share: float, penalty: float) -> Scaling:
    followed = [replace(block, level=share * block.level) for block in blocks]
    scaling = fit_penalised(followed, penalty)
    return replace(scaling, follow=share * scaling.follow)
