"""What a model scores on the test as the day unfolds: from the close of the day before to half an hour ahead."""

from collections.abc import Sequence

import numpy as np

from puntual.evaluation import Predicted, score
from puntual.features.states import STATE_NAMES, places_of, withhold
from puntual.reporting.training_result import HorizonScore
from puntual.training.backtesting import EvaluatedModel
from puntual.training.experiment import Experiment

HORIZONS = (0, 360, 120, 60, 30)
_ROUNDS = 100


def score_horizons(
    experiment: Experiment, evaluated: EvaluatedModel, horizons: Sequence[int] = HORIZONS
) -> tuple[HorizonScore, ...]:
    """Score the test at horizons in minutes, 0 being the close of the day before, without flights gone by then."""
    return tuple(_score_at(experiment, evaluated, minutes) for minutes in horizons)


def _score_at(experiment: Experiment, evaluated: EvaluatedModel, minutes: int) -> HorizonScore:
    rows, fitted = experiment.split.test, evaluated.fitted
    waiting = experiment.dataset.live.is_waiting(rows, minutes) if minutes else np.ones(len(rows), bool)
    kept = rows[waiting]
    matrix = fitted.vectors.live(kept, minutes) if minutes else fitted.vectors.full(kept)
    matrix = withhold(matrix, fitted.experts.of)
    bands = fitted.predict(matrix)
    predicted = Predicted(bands, experiment.shape().quantile_minutes(bands))
    scores = score(experiment.dataset.outcomes(kept), predicted, evaluated.threshold, rounds=_ROUNDS)
    states = places_of(matrix)
    state = STATE_NAMES[int(np.bincount(states).argmax())] if len(states) else ""
    return HorizonScore(minutes=minutes, state=state, gone=int((~waiting).sum()), scores=scores)
