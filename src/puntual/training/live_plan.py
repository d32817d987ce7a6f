"""Which live states answer, by one expert or one for each, and how they learn or follow the airport's level.

All of it is chosen on folds: each holds the flights after a cut-off, and what is learnt from those before it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.splits import Rows
from puntual.features.states import LIVE_STATES, State
from puntual.features.vector import Matrix
from puntual.prediction.calibration import Calibration, Probabilities, Scaling, softmax
from puntual.training.calibration_fit import L2_PENALTIES, HoldoutPredictions, fit_penalised
from puntual.training.candidates import LARGE
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Experiment
from puntual.training.fitting import Expert
from puntual.training.live_fit import CUT_OFFS, LivePlan, Way, draw, fit_live

# As an offset the airport's level wins when it moves and loses when it does not: so much of it is followed.
FOLLOWED = (0.0, 0.5, 1.0)
# The share of the loss by which whoever learns the level has to win: beyond what they saw trees cannot follow it.
_WIN_BY = 0.001
# What ways are compared under, before the scaling of the better one is looked for.
_USUAL = (0.5, L2_PENALTIES[1])
# To choose takes fewer flights than to learn, and the latest cut-offs do; of a large table even fewer.
_MOST_FITTED, _MOST_FITTED_QUICKLY, _MOST_SCORED = 50_000, 20_000, 8_000
_FOLDS, _FOLDS_OF_LARGE = 3, 2
# Those that `plan_live` and the fit before the test name as they begin.
LIVE_STEPS = 4

Losses = NDArray[np.float64]
# Of each live state its scaling, and the losses of the folds' flights at each of its cut-offs.
Validated = Mapping[str, tuple[Scaling, dict[int, Losses]]]


@dataclass(frozen=True)
class _Fold:
    """Flights after a cut-off, what was said of them the day before, and how they looked at each live cut-off."""

    experiment: Experiment
    before: Rows
    rows: Rows
    daily: Losses
    level: NDArray[np.float64]
    prior: Scaling

    @cached_property
    def vectors(self) -> TrainingVectors:
        return self.experiment.vectors(self.before)

    @cached_property
    def shown(self) -> dict[int, Matrix]:
        return {minutes: self.vectors.live(self.rows, minutes) for minutes in CUT_OFFS}

    @cached_property
    def waiting(self) -> dict[int, NDArray[np.bool_]]:
        return {minutes: self.experiment.dataset.live.is_waiting(self.rows, minutes) for minutes in CUT_OFFS}

    @cached_property
    def bands(self) -> NDArray[np.int8]:
        return self.experiment.dataset.bands[self.rows]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """The flights that are waiting at every cut-off."""
        everywhere: NDArray[np.bool_] = np.logical_and.reduce(list(self.waiting.values()))
        return everywhere

    def experts(self, way: Way) -> dict[str, Expert]:
        most = _MOST_FITTED_QUICKLY if self.experiment.quick else _MOST_FITTED
        drawn = draw(self.experiment, self.before, most)
        return fit_live(self.experiment, self.vectors, drawn, LIVE_STATES, way)


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the expert of a state that was fitted before a fold's cut-off says of its flights, by minutes ahead."""

    fold: _Fold
    raw: dict[int, Probabilities]

    @property
    def block(self) -> HoldoutPredictions:
        """The flights that were waiting, at one cut-off after another."""
        fold = self.fold
        kept = [fold.waiting[minutes] for minutes in self.raw]
        raw = np.concatenate([bands[rows] for bands, rows in zip(self.raw.values(), kept, strict=True)])
        bands = np.concatenate([fold.bands[rows] for rows in kept])
        level = np.concatenate([fold.level[rows] for rows in kept])
        none = np.empty((len(raw), 0), np.float32)
        return HoldoutPredictions(np.arange(len(raw)), raw, none, bands, level, fold.prior)

    def losses(self, scaling: Scaling) -> dict[int, Losses]:
        """Give the losses of the flights waiting at every cut-off, under a scaling."""
        fold = self.fold
        return {
            minutes: log_losses(softmax(scaling.logits(raw, fold.level)), fold.bands)[fold.present]
            for minutes, raw in self.raw.items()
        }


def plan_live(
    experiment: Experiment,
    blocks: Sequence[HoldoutPredictions],
    calibration: Calibration,
    begin: Callable[[str], object],
) -> LivePlan:
    """Choose on folds before the test, by log loss.

    `blocks` are the winner's predictions after each cut-off as of the day before, and `calibration` theirs: what they
    lose, a live state has to better, each in its turn.
    """
    folds = list(_folds(experiment, blocks, calibration))
    ways: dict[Way, dict[str, list[_Answered]]] = {}

    def best_of(*tried: Way) -> Way:
        for way in tried:
            if way not in ways:
                begin(f"live experts, {way}")
                ways[way] = _answer(folds, way)
        return min(tried, key=lambda way: _loss_of(ways[way]) * (1 + _WIN_BY * way.learns_level))

    way = best_of(Way(pooled=True, learns_level=False), Way(pooled=False, learns_level=False))
    way = best_of(way, replace(way, learns_level=True))
    validated = {name: _validate(answered) for name, answered in ways[way].items()}
    daily = np.concatenate([fold.daily[fold.present] for fold in folds])
    return keep_better(validated, way, float(daily.mean()))


def keep_better(validated: Validated, way: Way, daily: float) -> LivePlan:
    """Keep the live states, farthest first, whose loss at each cut-off is no higher than at the one before it.

    From a range that is not kept on, the nearer ones have to better what answers there.
    """
    losses, scalings, best = {0: daily}, {}, daily
    for name, (scaling, at) in reversed(list(validated.items())):
        means = [float(at[minutes].mean()) for minutes in sorted(at, reverse=True)]
        falls = all(then <= before for before, then in zip([best, *means], means, strict=False))
        if falls:
            scalings[name], best = scaling, means[-1]
            losses |= dict(zip(sorted(at, reverse=True), means, strict=True))
    return LivePlan(scalings, way, losses)


def _folds(
    experiment: Experiment, blocks: Sequence[HoldoutPredictions], calibration: Calibration
) -> Iterator[_Fold]:
    known = experiment.split.before_test
    for block in blocks[-(_FOLDS_OF_LARGE if len(known) > LARGE else _FOLDS) :]:
        before = known[known < block.rows[0]] if experiment.by_time else experiment.split.train
        places = draw(experiment, np.arange(len(block.rows)), _MOST_SCORED)
        rows = block.rows[places]
        daily = log_losses(block.calibrated(calibration)[places], experiment.dataset.bands[rows])
        # Nothing is done about imbalance for live experts, so nothing is to be undone.
        prior = replace(block.prior, shift=Scaling().shift)
        yield _Fold(experiment, before, rows, daily, block.level[places], prior)


def _answer(folds: Sequence[_Fold], way: Way) -> dict[str, list[_Answered]]:
    answered: dict[str, list[_Answered]] = {state.name: [] for state in LIVE_STATES}
    for fold in folds:
        experts = fold.experts(way)
        for state in LIVE_STATES:
            answered[state.name].append(_Answered(fold, _raw(state, experts[state.name], fold)))
    return answered


def _raw(state: State, expert: Expert, fold: _Fold) -> dict[int, Probabilities]:
    return {minutes: expert.predict_proba(fold.shown[minutes]) for minutes in state.cut_offs}


def _loss_of(way: Mapping[str, list[_Answered]]) -> float:
    """Give the mean loss over states, each fold being scaled by what the others say."""
    return sum(_mean_loss(_left_out(answered, *_USUAL)) for answered in way.values())


def _validate(answered: list[_Answered]) -> tuple[Scaling, dict[int, Losses]]:
    """Choose how far a state follows the level and how far its scaling may stray, by leaving out folds in turn."""
    several = len(answered) > 1
    tried = [(share, penalty) for share in FOLLOWED for penalty in L2_PENALTIES] if several else [_USUAL]
    losses = [_left_out(answered, *one) for one in tried]
    best = min(range(len(tried)), key=lambda place: _mean_loss(losses[place]))
    return _scale([one.block for one in answered], *tried[best]), losses[best]


def _left_out(answered: list[_Answered], share: float, penalty: float) -> dict[int, Losses]:
    """Give the losses by cut-off of each fold under the scaling of all others, or its own if it stands alone."""
    blocks = [one.block for one in answered]
    losses = []
    for place, one in enumerate(answered):
        others = [*blocks[:place], *blocks[place + 1 :]] or blocks
        losses.append(one.losses(_scale(others, share, penalty)))
    return {minutes: np.concatenate([loss[minutes] for loss in losses]) for minutes in losses[0]}


def _scale(blocks: Sequence[HoldoutPredictions], share: float, penalty: float) -> Scaling:
    followed = [replace(block, level=share * block.level) for block in blocks]
    scaling = fit_penalised(followed, penalty)
    return replace(scaling, follow=share * scaling.follow)


def _mean_loss(losses: Mapping[int, Losses]) -> float:
    return float(np.mean([loss.mean() for loss in losses.values()]))
