"""Fit every candidate on the same flights, score it on the same others, and choose; then on fewer, for a curve."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import (
    Evaluation,
    Measure,
    Predicted,
    best_threshold,
    log_losses,
    paired_difference,
    score,
)
from puntual.evaluation.splits import Rows, sample_rows
from puntual.features.states import CONDITIONS, MAIN, Condition
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.experts import Model
from puntual.reporting.training_result import CandidateResult, LearningPoint
from puntual.training.candidates import Candidate
from puntual.training.dataset import TrainingVectors
from puntual.training.experiment import Experiment
from puntual.training.fitting import FittedModel, TrainingSet, fit_candidate, prepare_training_set
from puntual.training.onnx_export import branches_of, columns_read, convert, prove
from puntual.training.side_by_side import side_by_side

PROVEN_ROWS = 4_000
# The share of the lowest log loss that a cheaper model may be worse by.
MARGIN = 0.005
# Of the rows that fitting sees, as the learning curve goes along.
CURVE_SHARES = (1 / 8, 1 / 4, 1 / 2)
_ROUNDS = 100


class _Scored(NamedTuple):
    """A candidate's result, its loss on each validation flight, and its model."""

    result: CandidateResult
    losses: NDArray[np.float64]
    model: Model


def compare(
    experiment: Experiment, candidates: Sequence[Candidate], begin: Callable[[str], object]
) -> tuple[Candidate, tuple[CandidateResult, ...]]:
    """Fit, calibrate, convert, prove and score each candidate; give the chosen one and the results of all."""
    split = experiment.split
    vectors = experiment.vectors(split.train)
    training, proof = (
        prepare_training_set(experiment, vectors, experiment.seen(split.train)),
        sample_for_proof(vectors, split.validation),
    )

    def score_one(candidate: Candidate) -> _Scored:
        return _score_candidate(experiment, candidate, training, proof)

    scored = side_by_side(score_one, candidates, lambda candidate: begin(str(candidate)))
    losses = [one.losses for one in scored]
    # Timed when none is fitted beside it any more.
    timed = [
        msgspec.structs.replace(one.result, microseconds=_microseconds(one.model, proof)) for one in scored
    ]
    results = choose(timed, losses, experiment.dataset.keys.day[experiment.held_out(split.validation)])
    chosen = next(place for place, result in enumerate(results) if result.chosen)
    return candidates[chosen], results


def sample_for_proof(vectors: TrainingVectors, rows: Rows) -> Matrix:
    """Draw thousands of real flights under each condition of knowledge, rows with missing values among them."""
    chance = np.random.default_rng(0)
    drawn = np.sort(chance.choice(rows, min(len(rows), PROVEN_ROWS), replace=False))
    return np.concatenate([vectors.under(condition, drawn) for condition in CONDITIONS])


def _score_candidate(
    experiment: Experiment, candidate: Candidate, training: TrainingSet, proof: Matrix
) -> _Scored:
    """Fit, convert, prove and score a candidate, whose answers are not timed yet."""
    started = time.perf_counter()
    fitted = fit_candidate(experiment, candidate, training)
    seconds = time.perf_counter() - started
    models = convert(fitted.experts)
    difference = prove(fitted.experts, models, candidate.name, proof)
    bands = _predict_validation(experiment, fitted)
    truth = experiment.dataset.bands[experiment.held_out(experiment.split.validation)]
    losses = np.mean([log_losses(predicted, truth) for predicted in bands.values()], axis=0)
    result = CandidateResult(
        name=candidate.name,
        treatment=candidate.treatment,
        scores=_score_validation(experiment, bands[MAIN.name]),
        log_loss=float(losses.mean()),
        gap_to_best=Measure(0.0, 0.0, 0.0),
        tied=False,
        chosen=False,
        fit_seconds=seconds,
        branches=branches_of(models),
        onnx_bytes=sum(map(len, models.values())),
        microseconds=0.0,
        largest_difference=difference,
        parameters=dict(candidate.parameters),
    )
    return _Scored(result, losses, Model(models, columns_read(fitted.experts), candidate.name, 1))


def _predict_validation(
    experiment: Experiment, fitted: FittedModel, conditions: Sequence[Condition] = CONDITIONS
) -> dict[str, NDArray[np.float64]]:
    """Give the bands of the validation flights under some conditions of knowledge, calibrated on them."""
    rows = experiment.held_out(experiment.split.validation)
    holdout = fitted.predict_holdout(rows)
    calibrated = fitted.calibrated([holdout])
    return {
        # As they were on the day they are among those that it is calibrated on.
        condition.name: holdout.calibrated(calibrated.calibration)
        if condition is MAIN
        else calibrated.predict(fitted.vectors.under(condition, rows))
        for condition in conditions
    }


def _score_validation(experiment: Experiment, bands: NDArray[np.float64]) -> Evaluation:
    outcomes = experiment.dataset.outcomes(experiment.held_out(experiment.split.validation))
    predicted = Predicted(bands, experiment.shape().quantile_minutes(bands))
    threshold = best_threshold(outcomes.late, predicted.late_probability, experiment.cost)
    return score(outcomes, predicted, threshold, rounds=_ROUNDS)


def _microseconds(model: Model, matrix: Matrix) -> float:
    model.bands(matrix)
    started = time.perf_counter()
    model.bands(matrix)
    return (time.perf_counter() - started) / len(matrix) * 1e6


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
    for share in CURVE_SHARES:
        rows = sample_rows(seen, dataset.strata, int(share * len(seen)), experiment.seed)
        if np.bincount(dataset.bands[rows], minlength=BAND_COUNT).all():
            yield rows


def _fit_on_part(experiment: Experiment, candidate: Candidate, rows: Rows) -> LearningPoint:
    training = prepare_training_set(experiment, experiment.vectors(experiment.split.train), rows)
    bands = _predict_validation(experiment, fit_candidate(experiment, candidate, training), (MAIN,))[
        MAIN.name
    ]
    return LearningPoint(rows=len(rows), scores=_score_validation(experiment, bands))


def choose(
    results: Sequence[CandidateResult], losses: Sequence[NDArray[np.float64]], day: NDArray[np.int64]
) -> tuple[CandidateResult, ...]:
    """Mark what is shown to be as good as the lowest log loss, and choose the cheapest of it to serve.

    A candidate is as good when the whole interval of its distance stays within the margin (a test of
    non-inferiority): that a difference could not be shown, on few days, does not show that there is none.
    The loss of a flight is averaged over the conditions of knowledge, since the service will meet all of them.
    Cheapness is the number of branches that a flight passes in all trees, which goes with the time of an answer but
    not with the load of the machine; of two as cheap, the one with the lower loss is chosen.
    """
    best = min(range(len(losses)), key=lambda place: losses[place].mean())
    gaps = [paired_difference(loss, losses[best], day.astype(np.int32)) for loss in losses]
    margin = MARGIN * float(losses[best].mean())
    tied = [place == best or gap.high <= margin for place, gap in enumerate(gaps)]
    within = [result for result, is_tied in zip(results, tied, strict=True) if is_tied]
    chosen = min(within, key=lambda result: (result.branches, result.log_loss))
    return tuple(
        msgspec.structs.replace(result, gap_to_best=gap, tied=is_tied, chosen=result is chosen)
        for result, gap, is_tied in zip(results, gaps, tied, strict=True)
    )
