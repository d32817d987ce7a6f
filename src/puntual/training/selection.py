"""Fit every candidate on the same flights, score it on the same others, and choose."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.evaluation import (
    Cost,
    Evaluation,
    Measure,
    Predicted,
    best_threshold,
    log_losses,
    paired_difference,
    score,
)
from puntual.evaluation.splits import Rows, Split, SplitKind
from puntual.features.states import CONDITIONS, MAIN
from puntual.features.vector import Matrix
from puntual.prediction.distribution import DelayShape, learn_shape
from puntual.prediction.onnx_model import Model
from puntual.reporting.training_result import CandidateResult
from puntual.training.calibration_fit import fit_calibration
from puntual.training.candidates import Candidate
from puntual.training.dataset import Dataset, TrainingVectors
from puntual.training.fitting import FittedModel, Recipe, TrainingSet, fit_recipe, prepare_training_set
from puntual.training.onnx_export import columns_read, convert, prove, trees_of

PROVEN_ROWS = 4_000
# The share of the lowest log loss that a cheaper model may be worse by.
MARGIN = 0.005
_ROUNDS = 100


@dataclass(frozen=True)
class Experiment:
    """What candidates are compared on: flights, their split, the cost that sets thresholds, and the seed."""

    dataset: Dataset
    split: Split
    cost: Cost | Literal["f1"]
    years: int
    seed: int

    def recipe(self, candidate: Candidate) -> Recipe:
        """Give a candidate's recipe under this split."""
        return Recipe(candidate, self.split.kind, self.years, self.seed)

    def vectors(self, rows: Rows) -> TrainingVectors:
        """Give the flights' vectors, by what is learnt from the flights of a fold before its cut-off.

        A split at random has no cut-off, and a part of each day is no typical one: there it is learnt from all.
        """
        by_time = self.split.kind is SplitKind.TIME
        return self.dataset.learn(rows if by_time else np.arange(len(self.dataset.flights)))

    def fit(self, recipe: Recipe, rows: Rows) -> tuple[FittedModel, TrainingVectors]:
        """Fit a recipe on some flights; give with it the vectors by what was learnt from them."""
        vectors = self.vectors(rows)
        return fit_recipe(recipe, prepare_training_set(vectors, rows)), vectors

    def shape(self) -> DelayShape:
        """Learn how delays lie within the bands from the flights before the test."""
        rows = self.split.before_test
        return learn_shape(self.dataset.delay[rows], self.dataset.bands[rows])


@dataclass(frozen=True)
class Entry:
    """One candidate's result, with its losses flight by flight."""

    candidate: Candidate
    losses: NDArray[np.float64]
    result: CandidateResult


@dataclass(frozen=True)
class _Ground:
    """What all candidates are fitted and proven on alike."""

    vectors: TrainingVectors
    training: TrainingSet
    proof: Matrix


def compare(
    experiment: Experiment, candidates: Sequence[Candidate], begin: Callable[[str], object]
) -> tuple[Candidate, tuple[CandidateResult, ...]]:
    """Fit, calibrate, convert, prove and score each candidate; give the chosen one and the results of all."""
    train = experiment.split.train
    vectors = experiment.vectors(train)
    proof = sample_for_proof(vectors, experiment.split.validation)
    ground = _Ground(vectors, prepare_training_set(vectors, train), proof)
    entries = []
    for candidate in candidates:
        begin(str(candidate))
        entries.append(_enter(experiment, candidate, ground))
    results = _choose(entries, experiment.dataset.keys.day[experiment.split.validation])
    chosen = next(place for place, result in enumerate(results) if result.chosen)
    return entries[chosen].candidate, results


def sample_for_proof(vectors: TrainingVectors, rows: Rows) -> Matrix:
    """Draw thousands of real flights under each condition of knowledge, rows with missing values among them."""
    chance = np.random.default_rng(0)
    drawn = np.sort(chance.choice(rows, min(len(rows), PROVEN_ROWS), replace=False))
    return np.concatenate([vectors.under(condition, drawn) for condition in CONDITIONS])


def _enter(experiment: Experiment, candidate: Candidate, ground: _Ground) -> Entry:
    started = time.perf_counter()
    fitted = fit_recipe(experiment.recipe(candidate), ground.training)
    seconds = time.perf_counter() - started
    models = convert(fitted.experts)
    difference = prove(fitted.experts, models, candidate.name, ground.proof)
    bands = _calibrated_on_validation(experiment, fitted, ground.vectors)
    truth = experiment.dataset.bands[experiment.split.validation]
    losses = np.mean([log_losses(predicted, truth) for predicted in bands.values()], axis=0)
    result = CandidateResult(
        name=candidate.name,
        treatment=candidate.treatment,
        scores=_scores(experiment, bands[MAIN.name]),
        log_loss=float(losses.mean()),
        gap_to_best=Measure(0.0, 0.0, 0.0),
        tied=False,
        chosen=False,
        fit_seconds=seconds,
        trees=trees_of(models),
        onnx_bytes=sum(map(len, models.values())),
        microseconds=_microseconds(
            Model(models, columns_read(fitted.experts), candidate.name, 1), ground.proof
        ),
        largest_difference=difference,
        parameters=dict(candidate.parameters),
    )
    return Entry(candidate, losses, result)


def _calibrated_on_validation(
    experiment: Experiment, fitted: FittedModel, vectors: TrainingVectors
) -> dict[str, NDArray[np.float64]]:
    rows = experiment.split.validation
    calibration = fit_calibration([fitted.predict_holdout(vectors, rows)], fitted.level)
    return {
        condition.name: fitted.predict(calibration, vectors.under(condition, rows))
        for condition in CONDITIONS
    }


def _scores(experiment: Experiment, bands: NDArray[np.float64]) -> Evaluation:
    outcomes = experiment.dataset.outcomes(experiment.split.validation)
    predicted = Predicted(bands, experiment.shape().quantile_minutes(bands))
    threshold = best_threshold(outcomes.late, predicted.late_probability, experiment.cost)
    return score(outcomes, predicted, threshold, rounds=_ROUNDS)


def _microseconds(model: Model, matrix: Matrix) -> float:
    model.bands(matrix)
    started = time.perf_counter()
    model.bands(matrix)
    return (time.perf_counter() - started) / len(matrix) * 1e6


def _choose(entries: Sequence[Entry], day: NDArray[np.int64]) -> tuple[CandidateResult, ...]:
    """Mark what is shown to be as good as the lowest log loss, and choose the cheapest of it to serve.

    A candidate is as good when the whole interval of its distance stays within the margin (a test of
    non-inferiority): that a difference could not be shown, on few days, does not show that there is none.
    The loss of a flight is averaged over the conditions of knowledge, since the service will meet all of them.
    Cheapness is the number of trees that each flight walks through, which goes with the time of an answer but not
    with the load of the machine; of two as cheap, the one with the lower loss is chosen.
    """
    best = min(entries, key=lambda entry: entry.losses.mean())
    gaps = [paired_difference(entry.losses, best.losses, day.astype(np.int32)) for entry in entries]
    margin = MARGIN * float(best.losses.mean())
    tied = [entry is best or measure.high <= margin for entry, measure in zip(entries, gaps, strict=True)]
    within = [entry for entry, is_tied in zip(entries, tied, strict=True) if is_tied]
    chosen = min(within, key=lambda entry: (entry.result.trees, entry.result.log_loss))
    return tuple(
        msgspec.structs.replace(entry.result, gap_to_best=measure, tied=is_tied, chosen=entry is chosen)
        for entry, measure, is_tied in zip(entries, gaps, tied, strict=True)
    )
