"""What a model scores on the test as the day unfolds: from the close of the day before to half an hour ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import Measure, Predicted, log_losses, paired_difference, score
from puntual.features.states import STATE_NAMES, places_of, withhold
from puntual.registry.card_record import HorizonScore
from puntual.training.backtesting import EvaluatedModel
from puntual.training.experiment import Experiment
from puntual.training.side_by_side import side_by_side

HORIZONS = (0, 360, 120, 60, 30)
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class _Predicted:
    """The bands of all test flights at a horizon, which of them were waiting, and what state answers most of them."""

    minutes: int
    bands: NDArray[np.float64]
    waiting: NDArray[np.bool_]
    state: str


def score_horizons(
    experiment: Experiment, evaluated: EvaluatedModel, horizons: Sequence[int] = HORIZONS
) -> tuple[HorizonScore, ...]:
    """Score the test at horizons in minutes, 0 being the close of the day before, without flights gone by then."""
    predicted = side_by_side(lambda minutes: _predict_at(experiment, evaluated, minutes), horizons)
    gains = [None, *_gains(experiment, predicted)]
    scored = zip(predicted, gains, strict=True)
    return tuple(side_by_side(lambda one: _score_at(experiment, evaluated.threshold, *one), scored))


def _predict_at(experiment: Experiment, evaluated: EvaluatedModel, minutes: int) -> _Predicted:
    rows, fitted = experiment.split.test, evaluated.fitted
    waiting = experiment.dataset.live.is_waiting(rows, minutes) if minutes else np.ones(len(rows), bool)
    matrix = fitted.vectors.live(rows, minutes) if minutes else fitted.vectors.full(rows)
    matrix = withhold(matrix, fitted.experts.live_states)
    state = STATE_NAMES[int(np.bincount(places_of(matrix)).argmax())]
    return _Predicted(minutes, fitted.predict(matrix), waiting, state)


def _gains(experiment: Experiment, predicted: Sequence[_Predicted]) -> list[Measure]:
    """Compare each horizon with the one before, on the flights present at every one."""
    present = np.logical_and.reduce([one.waiting for one in predicted])
    rows = experiment.split.test[present]
    truth, day = experiment.dataset.bands[rows], experiment.dataset.keys.day[rows].astype(np.int32)
    losses = [log_losses(one.bands[present], truth) for one in predicted]
    return [paired_difference(then, before, day) for before, then in pairwise(losses)]


def _score_at(
    experiment: Experiment, threshold: float, predicted: _Predicted, gain: Measure | None
) -> HorizonScore:
    bands, kept = predicted.bands[predicted.waiting], experiment.split.test[predicted.waiting]
    shown = Predicted(bands, experiment.shape().quantile_minutes(bands))
    return HorizonScore(
        minutes=predicted.minutes,
        state=predicted.state,
        gone=int((~predicted.waiting).sum()),
        scores=score(experiment.dataset.outcomes(kept), shown, threshold, rounds=_ROUNDS),
        gain=gain,
    )
