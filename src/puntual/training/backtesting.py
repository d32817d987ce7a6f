"""The winner's honest scores: calibrated out of sample, trained before the test, under each condition of knowledge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation import Evaluation, Predicted, best_threshold, score
from puntual.evaluation.splits import Rows, SplitKind, moment, rolling_origins
from puntual.features.states import CONDITIONS, MAIN, Condition
from puntual.prediction.calibration import Calibration, Level
from puntual.reporting.training_result import RollingScore
from puntual.training.calibration_fit import HoldoutPredictions, fit_calibration
from puntual.training.candidates import Candidate
from puntual.training.dataset import TrainingVectors
from puntual.training.fitting import FittedModel, Recipe
from puntual.training.selection import Experiment

CUT_OFFS = (0.4, 0.55, 0.7, 0.85)
GROUPS_BY = ("airline", "month", "hour")
_ROUNDS = 100


@dataclass(frozen=True)
class Fold:
    """What the recipe predicted of flights (`rows`) after a cut-off that it was trained before."""

    predictions: HoldoutPredictions
    rows: Rows
    level: Level

    def calibrated(self, calibration: Calibration) -> NDArray[np.float64]:
        """Calibrate the predictions of the flights as they were on the day, under the fold's own level."""
        flights = slice(len(self.rows))
        own = replace(calibration, level=self.level)
        return own.apply(self.predictions.probabilities[flights], self.predictions.matrix[flights])


@dataclass(frozen=True)
class Assessed:
    """The winner trained before the test with what it learnt, its calibration and threshold, and its test scores."""

    recipe: Recipe
    fitted: FittedModel
    vectors: TrainingVectors
    calibration: Calibration
    threshold: float
    predicted: Predicted
    scores: dict[str, Evaluation]
    folds: tuple[Fold, ...]


def assess(
    experiment: Experiment,
    candidate: Candidate,
    begin: Callable[[str], object],
    conditions: Sequence[Condition] = CONDITIONS,
) -> Assessed:
    """Calibrate on unseen flights before the test, train on all of them, and score the test."""
    recipe = experiment.recipe(candidate)
    folds = tuple(_folds(experiment, recipe, begin))
    begin("fit before the test")
    fitted, vectors = experiment.fit(recipe, experiment.split.before_test)
    calibration = fit_calibration([fold.predictions for fold in folds], fitted.level)
    threshold = _threshold(experiment, folds, calibration)
    predicted = {
        condition.name: _predict_test(experiment, fitted, vectors, calibration, condition)
        for condition in conditions
    }
    scores = {name: _score_test(experiment, found, threshold) for name, found in predicted.items()}
    return Assessed(recipe, fitted, vectors, calibration, threshold, predicted[MAIN.name], scores, folds)


def retrain(experiment: Experiment, assessed: Assessed) -> Assessed:
    """Train the same recipe on every flight, for use; its calibration keeps the scalings and renews the level."""
    fitted, vectors = experiment.fit(assessed.recipe, np.arange(len(experiment.dataset.flights)))
    calibration = replace(assessed.calibration, level=fitted.level)
    return replace(assessed, fitted=fitted, vectors=vectors, calibration=calibration)


def rolling_scores(experiment: Experiment, assessed: Assessed) -> tuple[RollingScore, ...]:
    """Score the flights after each cut-off by the recipe trained before it; nothing under a random split."""
    if assessed.recipe.kind is SplitKind.STRATIFIED:
        return ()
    scheduled, shape = experiment.dataset.flights["scheduled_departure"], experiment.shape()

    def scored(fold: Fold) -> RollingScore:
        bands = fold.calibrated(assessed.calibration)
        predicted = Predicted(bands, shape.quantile_minutes(bands))
        outcomes = experiment.dataset.outcomes(fold.rows)
        scores = score(outcomes, predicted, assessed.threshold, rounds=_ROUNDS)
        first, last = moment(scheduled, fold.rows[0]), moment(scheduled, fold.rows[-1])
        return RollingScore(cut_off=first, until=last + timedelta(minutes=1), scores=scores)

    return tuple(map(scored, assessed.folds))


def groups_of(flights: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """Name the airline, month and hour of each flight, for scores by group."""
    scheduled = pl.col("scheduled_departure")
    named = flights.select(
        airline="airline", month=scheduled.dt.strftime("%Y-%m"), hour=scheduled.dt.strftime("%H")
    )
    return {name: named[name].to_numpy().astype(str) for name in GROUPS_BY}


def _folds(experiment: Experiment, recipe: Recipe, begin: Callable[[str], object]) -> list[Fold]:
    if recipe.kind is SplitKind.STRATIFIED:
        blocks = [(experiment.split.train, experiment.split.validation)]
    else:
        scheduled = experiment.dataset.flights["scheduled_departure"]
        blocks = list(rolling_origins(scheduled, experiment.split.before_test, CUT_OFFS))
    folds = []
    for before, after in blocks:
        begin("fit before a cut-off")
        fitted, vectors = experiment.fit(recipe, before)
        folds.append(Fold(fitted.predict_holdout(vectors, after), after, fitted.level))
    return folds


def _threshold(experiment: Experiment, folds: Sequence[Fold], calibration: Calibration) -> float:
    late = np.concatenate([experiment.dataset.late[fold.rows] for fold in folds])
    p_late = np.concatenate([fold.calibrated(calibration)[:, 1:].sum(axis=1) for fold in folds])
    return best_threshold(late, p_late, experiment.cost)


def _predict_test(
    experiment: Experiment,
    fitted: FittedModel,
    vectors: TrainingVectors,
    calibration: Calibration,
    condition: Condition,
) -> Predicted:
    bands = fitted.predict(calibration, vectors.under(condition, experiment.split.test))
    return Predicted(bands, experiment.shape().quantile_minutes(bands))


def _score_test(experiment: Experiment, predicted: Predicted, threshold: float) -> Evaluation:
    rows = experiment.split.test
    groups = groups_of(experiment.dataset.flights[rows])
    return score(experiment.dataset.outcomes(rows), predicted, threshold, groups=groups)
