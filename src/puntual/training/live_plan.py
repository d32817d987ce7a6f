"""Which live states answer, by which experts together, and how these learn or follow the airport's level.

All of it is chosen on folds: each holds the flights after a cut-off, and what is learnt from those before it. A scaling
is chosen by leaving out folds in turn. Where the level hardly moved in the folds many scalings lose nearly alike, and
will not once it moves: of those the one is taken that expects as many late flights in each period as there were.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import log_losses
from puntual.evaluation.losses import equal_mass_bins
from puntual.features.states import LIVE_STATES, State
from puntual.prediction.calibration import Probabilities, Scaling
from puntual.prediction.experts import DAY_BEFORE, POOLED_EXPERT, Mixture
from puntual.training.backtesting import EvaluatedModel
from puntual.training.calibration_fit import L2_PENALTIES, ScalingFit
from puntual.training.experiment import Experiment
from puntual.training.live_fit import LivePlan, members_of
from puntual.training.live_folds import FoldAnswers, LiveFold, Raw, answer_all, live_folds, mix_answers
from puntual.training.side_by_side import side_by_side

# The share of the day before in what a live state answers: far ahead what is live says little, and chance much.
DAY_SHARES = (0.0, 0.25, 0.5, 0.75)
# The share of the loss by which whoever learns the level has to win: beyond what they saw trees cannot follow it.
_LEVEL_WINS_BY = 0.001
# And by which each further expert of a mixture has to, as it is asked about every flight.
_MEMBER_WINS_BY = 0.0005
# Those that `plan_live` and the fit before the test name as they begin.
LIVE_STEPS = 3

# As an offset the airport's level wins when it moves and loses when it does not; what is live tells a part of it. Live
# experts follow so much of it, and at least half: a few months may hold no move to learn more from.
FOLLOWED = (0.5, 0.75, 1.0)
# What mixtures are compared under.
USUAL = (FOLLOWED[0], L2_PENALTIES[1])
_TRIED = tuple((share, penalty) for share in FOLLOWED for penalty in L2_PENALTIES[1:])
# Scalings whose losses differ by a smaller share are as good, and calibrated when their error is no higher.
_AS_GOOD, _CALIBRATED = 0.001, 0.02

Losses = NDArray[np.float64]
# Of each live state its scaling, and how good it is on the folds.
Validated = Mapping[str, tuple[Scaling, "FoldScores"]]
# Of each fold the answers of live experts by name.
Answers = Sequence[dict[str, Raw]]


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


def plan_live(experiment: Experiment, evaluated: EvaluatedModel, begin: Callable[[str], object]) -> LivePlan:
    """Choose on folds before the test, by log loss, and of scalings as good by their calibration.

    What the day before loses on the folds, a live state has to better, each in its turn.
    """
    folds = live_folds(experiment, evaluated)
    begin("live experts, for each range of horizons and for all")
    names = [state.name for state in LIVE_STATES]
    answers = answer_all(folds, (POOLED_EXPERT, *names), learn_level=False)
    chosen = side_by_side(lambda state: _choose_mixture(folds, answers, state), LIVE_STATES)
    mixtures = dict(zip(names, chosen, strict=True))
    begin("live experts, learning the airport's level")
    members = members_of(mixtures.values())
    with_level = answer_all(folds, members, learn_level=True)
    without, learnt = (_loss_of(folds, each, mixtures) for each in (answers, with_level))
    learn_level = learnt * (1 + _LEVEL_WINS_BY) < without
    mixed = _mix_all(folds, with_level if learn_level else answers, mixtures)
    validated = dict(zip(mixed, side_by_side(choose_scaling, mixed.values()), strict=True))
    daily = np.concatenate([fold.daily[fold.present] for fold in folds])
    return keep_better(validated, mixtures, float(daily.mean()), learn_level=learn_level)


def keep_better(
    validated: Validated, mixtures: Mapping[str, Mixture], daily: float, *, learn_level: bool = False
) -> LivePlan:
    """Keep the live states, farthest first, whose loss at each cut-off is no higher than at the one before it.

    From a range that is not kept on, the nearer ones have to better what answers there.
    """
    losses, scalings, best = {0: daily}, {}, daily
    for name, (scaling, left_out) in reversed(list(validated.items())):
        at = left_out.losses
        means = [float(at[minutes].mean()) for minutes in sorted(at, reverse=True)]
        falls = all(then <= before for before, then in zip([best, *means], means, strict=False))
        if falls:
            scalings[name], best = scaling, means[-1]
            losses |= dict(zip(sorted(at, reverse=True), means, strict=True))
    kept = {name: mixture for name, mixture in mixtures.items() if name in scalings}
    return LivePlan(scalings, kept, learn_level, losses)


def _mixtures_of(state: State) -> Iterator[Mixture]:
    """Give what may answer in a state: its own expert, the one for all horizons or both; and the day before with it."""
    for members in ((state.name,), (POOLED_EXPERT,), (state.name, POOLED_EXPERT)):
        for day in DAY_SHARES:
            live = {name: (1 - day) / len(members) for name in members}
            yield live | ({DAY_BEFORE: day} if day else {})


def _choose_mixture(folds: Sequence[LiveFold], answers: Answers, state: State) -> Mixture:
    """Choose by loss, each fold being scaled by what the others say; each further expert has to win by something."""

    def loss(mixture: Mixture) -> float:
        answered = _mix(folds, answers, state, mixture)
        return leave_out(answered, *USUAL).loss * (1 + _MEMBER_WINS_BY * (len(mixture) - 1))

    return min(_mixtures_of(state), key=loss)


def _loss_of(folds: Sequence[LiveFold], answers: Answers, mixtures: Mapping[str, Mixture]) -> float:
    """Give the mean loss over states, each fold being scaled by what the others say."""
    return sum(leave_out(each, *USUAL).loss for each in _mix_all(folds, answers, mixtures).values())


def _mix_all(
    folds: Sequence[LiveFold], answers: Answers, mixtures: Mapping[str, Mixture]
) -> dict[str, list[FoldAnswers]]:
    return {state.name: _mix(folds, answers, state, mixtures[state.name]) for state in LIVE_STATES}


def _mix(folds: Sequence[LiveFold], answers: Answers, state: State, mixture: Mixture) -> list[FoldAnswers]:
    return [mix_answers(fold, by_name, state, mixture) for fold, by_name in zip(folds, answers, strict=True)]


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
