"""What more rows would give: the winner fitted on ever more of the rows that it learns from."""

from collections.abc import Callable, Iterator

import numpy as np

from puntual.evaluation.splits import Rows
from puntual.features.states import MAIN
from puntual.flights.flight import BAND_COUNT
from puntual.reporting.training_result import CandidateResult, LearningPoint
from puntual.training.candidates import Candidate
from puntual.training.experiment import Experiment
from puntual.training.fitting import fit_candidate, prepare_training_set
from puntual.training.row_sample import sample_rows
from puntual.training.selection import score_validation

SHARES = (1 / 8, 1 / 4, 1 / 2)


def learning_curve(
    experiment: Experiment, candidate: Candidate, result: CandidateResult, begin: Callable[[str], object]
) -> tuple[LearningPoint, ...]:
    """Score the validation flights by the winner fitted on an eighth, a quarter and half of its rows, and on all.

    The last is its `result` of the comparison. What is counted rather than fitted (history, codes, the typical week) is
    that of all rows everywhere. A share without a flight in each band is left out.
    """
    begin("learning curve")
    seen = experiment.seen(experiment.split.train)
    points = [_fit_on_part(experiment, candidate, rows) for rows in _parts(experiment, seen)]
    return (*points, LearningPoint(rows=len(seen), scores=result.scores))


def _parts(experiment: Experiment, seen: Rows) -> Iterator[Rows]:
    dataset = experiment.dataset
    for share in SHARES:
        rows = sample_rows(seen, dataset.strata, int(share * len(seen)), experiment.seed)
        if np.bincount(dataset.bands[rows], minlength=BAND_COUNT).all():
            yield rows


def _fit_on_part(experiment: Experiment, candidate: Candidate, rows: Rows) -> LearningPoint:
    split = experiment.split
    training = prepare_training_set(experiment.vectors(split.train), rows)
    fitted = fit_candidate(experiment, candidate, training)
    calibrated = fitted.calibrated([fitted.predict_holdout(split.validation)])
    bands = calibrated.predict(fitted.vectors.under(MAIN, split.validation))
    return LearningPoint(rows=len(rows), scores=score_validation(experiment, bands))
