"""Flights after a cut-off, as live experts that learnt from those before it see them as their day unfolds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.splits import Rows
from puntual.features.states import State
from puntual.features.vector import COLUMNS, Matrix
from puntual.prediction.calibration import Probabilities, Scaling, softmax
from puntual.prediction.experts import DAY_BEFORE, Mixture, average
from puntual.training.backtesting import EvaluatedModel
from puntual.training.calibration_fit import HoldoutPredictions
from puntual.training.candidates import LARGE
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Experiment
from puntual.training.fitting import Experts
from puntual.training.live_fit import CUT_OFFS, EXPERT_CUT_OFFS, draw, fit_live
from puntual.training.side_by_side import side_by_side

# To choose takes fewer flights than to learn, and the latest cut-offs do; of a large table even fewer.
_MOST_FITTED, _MOST_FITTED_QUICKLY, _MOST_SCORED = 50_000, 20_000, 8_000
_FOLDS, _FOLDS_OF_LARGE = 3, 2

# What an expert says of a fold's flights, by minutes ahead, of shape (n, 5) each.
Raw = Mapping[int, Probabilities]


@dataclass(frozen=True, slots=True)
class LiveFold:
    """Flights after a cut-off: what was lost on them the day before, and how they looked at each live cut-off.

    `vectors` are by what the flights `before` the cut-off teach; `prior` undoes the treatment of these. By minutes
    ahead, `shown` holds the flights' vectors, `waiting` which of them were not gone yet, and `day_before` what is said
    of them by nothing that became known on their day. `present` are those that are waiting at every cut-off.
    """

    experiment: Experiment
    vectors: TrainingVectors
    before: Rows
    bands: NDArray[np.int8]
    daily: NDArray[np.float64]
    level: NDArray[np.float64]
    prior: Scaling
    shown: Mapping[int, Matrix]
    waiting: Mapping[int, NDArray[np.bool_]]
    present: NDArray[np.bool_]
    day_before: Raw

    def answer(self, name: str, *, learn_level: bool) -> Raw:
        """Fit a live expert before the cut-off, and give what it says of the flights."""
        most = _MOST_FITTED_QUICKLY if self.experiment.quick else _MOST_FITTED
        drawn = draw(self.experiment, self.before, most)
        expert = fit_live(self.experiment, self.vectors, drawn, (name,), learn_level=learn_level)[name]
        return {minutes: expert.predict_proba(self.shown[minutes]) for minutes in EXPERT_CUT_OFFS[name]}


@dataclass(frozen=True, slots=True)
class FoldAnswers:
    """What a mixture says of a fold's flights in one live state, not calibrated, and the prior that goes with it.

    `day_share` is the share of the day before in it.
    """

    fold: LiveFold
    raw: Raw
    prior: Scaling
    day_share: float = 0.0

    @property
    def block(self) -> HoldoutPredictions:
        """The flights that were waiting, at one cut-off after another."""
        fold = self.fold
        kept = [fold.waiting[minutes] for minutes in self.raw]
        raw = np.concatenate([bands[rows] for bands, rows in zip(self.raw.values(), kept, strict=True)])
        bands = np.concatenate([fold.bands[rows] for rows in kept])
        level = np.concatenate([fold.level[rows] for rows in kept])
        none = np.empty((len(raw), 0), np.float32)
        return HoldoutPredictions(np.arange(len(raw)), raw, none, bands, level, self.prior)

    def calibrated(self, scaling: Scaling) -> dict[int, Probabilities]:
        """Give the calibrated bands of all flights by minutes ahead."""
        return {minutes: softmax(scaling.logits(raw, self.fold.level)) for minutes, raw in self.raw.items()}


def live_folds(experiment: Experiment, evaluated: EvaluatedModel) -> list[LiveFold]:
    """Give the last of the folds that the day before was calibrated on."""
    latest = -(_FOLDS_OF_LARGE if len(experiment.split.before_test) > LARGE else _FOLDS)
    folds = zip(evaluated.folds[latest:], evaluated.fold_experts[latest:], strict=True)
    return side_by_side(lambda fold: _live_fold(experiment, evaluated, *fold), folds)


def _live_fold(
    experiment: Experiment, evaluated: EvaluatedModel, block: HoldoutPredictions, experts: Experts
) -> LiveFold:
    known = experiment.split.before_test
    before = known[known < block.rows[0]] if experiment.by_time else experiment.split.train
    vectors = experiment.vectors(before)
    places = draw(experiment, np.arange(len(block.rows)), _MOST_SCORED)
    rows = block.rows[places]
    bands = experiment.dataset.bands[rows]
    shown = {minutes: vectors.live(rows, minutes) for minutes in CUT_OFFS}
    waiting = {minutes: experiment.dataset.live.is_waiting(rows, minutes) for minutes in CUT_OFFS}
    return LiveFold(
        experiment,
        vectors,
        before,
        bands,
        log_losses(block.calibrated(evaluated.fitted.calibration)[places], bands),
        block.level[places],
        block.prior,
        shown,
        waiting,
        np.logical_and.reduce(list(waiting.values())),
        {minutes: _say_day_before(experts, matrix) for minutes, matrix in shown.items()},
    )


def _say_day_before(experts: Experts, matrix: Matrix) -> Probabilities:
    """Give what experts of the day before say of flights, by nothing that became known on their day."""
    return experts.predict_proba(np.ascontiguousarray(matrix[:, : len(COLUMNS)]))


def answer_all(folds: Sequence[LiveFold], names: Sequence[str], *, learn_level: bool) -> list[dict[str, Raw]]:
    """Fit live experts before the cut-off of each fold, and give, by fold and by name, what they say of its flights."""
    pieces = [(fold, name) for name in names for fold in folds]
    raw = side_by_side(lambda piece: piece[0].answer(piece[1], learn_level=learn_level), pieces)
    answered = dict(zip(((id(fold), name) for fold, name in pieces), raw, strict=True))
    return [{name: answered[id(fold), name] for name in names} for fold in folds]


def mix_answers(fold: LiveFold, answers: Mapping[str, Raw], state: State, mixture: Mixture) -> FoldAnswers:
    """Average what experts say of a fold's flights in a state."""
    raw_of = {**answers, DAY_BEFORE: fold.day_before}
    raw = {
        minutes: average([(raw_of[name][minutes], share) for name, share in mixture.items()])
        for minutes in state.cut_offs
    }
    # Nothing is done about imbalance for live experts: what is to be undone is the day before's share.
    day_share = mixture.get(DAY_BEFORE, 0.0)
    shift = tuple(day_share * treated for treated in fold.prior.shift)
    return FoldAnswers(fold, raw, replace(fold.prior, shift=shift), day_share)
