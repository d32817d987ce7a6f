"""Which live states answer, by which experts together, and how they learn or follow the airport's level.

All of it is chosen on folds: each holds the flights after a cut-off, and what is learnt from those before it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from puntual.features.states import LIVE_STATES, State
from puntual.prediction.calibration import Scaling
from puntual.prediction.experts import DAY_BEFORE, POOLED_EXPERT, Mixture
from puntual.training.backtesting import EvaluatedModel
from puntual.training.experiment import Experiment
from puntual.training.live_calibration import USUAL, FoldScores, choose_scaling, leave_out
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

# Of each live state its scaling, and how good it is on the folds.
Validated = Mapping[str, tuple[Scaling, FoldScores]]
# Of each fold the answers of live experts by name.
Answers = Sequence[dict[str, Raw]]


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
