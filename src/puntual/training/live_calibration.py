"""The scaling of a live state: how far it follows the airport's level, and how far slope and intercepts may stray.

Chosen by leaving out folds in turn. Where the level hardly moved in the folds many scalings lose nearly alike, and will
not once it moves: of those the one is taken that expects as many late flights in each period as there were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.losses import equal_mass_bins
from puntual.prediction.calibration import Probabilities, Scaling
from puntual.training.calibration_fit import L2_PENALTIES, ScalingFit
from puntual.training.live_folds import FoldAnswers, LiveFold

# As an offset the airport's level wins when it moves and loses when it does not; what is live tells a part of it. Live
# experts follow so much of it, and at least half: a few months may hold no move to learn more from.
FOLLOWED = (0.5, 0.75, 1.0)
# What mixtures are compared under.
USUAL = (FOLLOWED[0], L2_PENALTIES[1])
_TRIED = tuple((share, penalty) for share in FOLLOWED for penalty in L2_PENALTIES[1:])
# Scalings whose losses differ by a smaller share are as good, and calibrated when their error is no higher.
_AS_GOOD, _CALIBRATED = 0.001, 0.02

Losses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoldScores:
    """How good a state's answers are on the flights of all folds, each scaled by what the others say.

    `losses` are those of the flights present at every cut-off, by minutes ahead. Of the flights that were waiting,
    `ece` is the calibration error, at the cut-off where it is highest, and `bias` how far the share that is expected to
    be late lies from the share that was, the mean over folds and cut-offs.
    """

    losses: Mapping[int, Losses]
    ece: float
    bias: float

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
    best = min(calibrated, key=lambda options: outcomes[options].bias)
    return _fit(answered, *best), outcomes[best]


def leave_out(answered: Sequence[FoldAnswers], share: float, penalty: float) -> FoldScores:
    """Scale each fold by what all others say, or by its own where it stands alone."""
    scaled = []
    for place, one in enumerate(answered):
        others = [*answered[:place], *answered[place + 1 :]] or answered
        scaled.append(one.calibrated(_fit(others, share, penalty)))
    losses, errors, biases = {}, [], []
    for minutes in answered[0].raw:
        shown = [(one.fold, predicted[minutes]) for one, predicted in zip(answered, scaled, strict=True)]
        losses[minutes] = np.concatenate(
            [log_losses(bands, fold.bands)[fold.present] for fold, bands in shown]
        )
        waiting = [_late_of(fold, bands, minutes) for fold, bands in shown]
        errors.append(_error(*map(np.concatenate, zip(*waiting, strict=True))))
        biases += [abs(float(p_late.mean() - late.mean())) for p_late, late in waiting]
    return FoldScores(losses, max(errors), float(np.mean(biases)))


def _late_of(
    fold: LiveFold, bands: Probabilities, minutes: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give P(late) of the flights that were waiting, and which of them were late."""
    waiting = fold.waiting[minutes]
    return bands[waiting, 1:].sum(axis=1), fold.bands[waiting] > 0


def _error(p_late: NDArray[np.float64], late: NDArray[np.bool_]) -> float:
    return float(np.abs(np.bincount(equal_mass_bins(p_late), late - p_late)).sum() / len(late))


def _fit(answered: Sequence[FoldAnswers], share: float, penalty: float) -> Scaling:
    """Fit the scaling of answers, of which the live part follows so much of the level, and the day before's all."""
    day_share = answered[0].day_share
    followed = day_share + (1 - day_share) * share
    blocks = [one.block for one in answered]
    scaling = ScalingFit([replace(block, level=followed * block.level) for block in blocks]).under(penalty)
    return replace(scaling, follow=followed * scaling.follow)
