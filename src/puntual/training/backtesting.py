"""The winner's honest scores: calibrated out of sample, trained before the test, asked in each state of knowledge."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation import Evaluation, Outcomes, Predicted, best_threshold, score
from puntual.evaluation.splits import Rows, SplitKind, moment, rolling_origins
from puntual.features.vector import Matrix
from puntual.prediction.calibration import Calibration, Level
from puntual.prediction.distribution import DelayShape
from puntual.reporting.training_result import RollingScore
from puntual.training.calibration_fit import Unseen, fit_calibration
from puntual.training.fitting import Recipe, Trained, teach, train_recipe, validation_of
from puntual.training.selection import Contest

CUT_OFFS = (0.4, 0.55, 0.7, 0.85)
GROUPS_BY = ("airline", "month", "hour")
_ROUNDS = 100


@dataclass(frozen=True)
class Assessed:
    """The winner trained before the test, its calibration and threshold, and its test scores."""

    recipe: Recipe
    trained: Trained
    calibration: Calibration
    threshold: float
    predicted: Predicted
    scores: dict[str, Evaluation]
    rolling: tuple[RollingScore, ...]


@dataclass(frozen=True)
class _Fold:
    """What the recipe said of flights after a cut-off that it was trained before."""

    unseen: Unseen
    rows: Rows
    level: Level

    def calibrated(self, calibration: Calibration) -> NDArray[np.float64]:
        """Calibrate what was said of the flights with their history, under the level of the fold's training."""
        own = Calibration(calibration.known, calibration.unknown, self.level)
        flights = slice(len(self.rows))
        return own.apply(self.unseen.said[flights], self.unseen.matrix[flights])


def assess(
    contest: Contest, recipe: Recipe, progress: Callable[[str], object], states: tuple[str, ...]
) -> Assessed:
    """Calibrate on unseen flights before the test, train on all of them, and score the test."""
    folds = _folds(contest, recipe, progress)
    before = contest.split.before_test
    trained = train_recipe(recipe, teach(contest.dataset, before))
    progress("before the test")
    calibration = fit_calibration([fold.unseen for fold in folds], trained.level)
    threshold = _threshold(contest, folds, calibration)
    shape = contest.shape()
    scored = {
        state: _score(
            contest, trained, calibration, contest.dataset.state(state, contest.split.test), threshold, shape
        )
        for state in states
    }
    full = scored["full"][1]
    rolling = _rolling_scores(contest, folds, calibration, threshold, shape)
    return Assessed(
        recipe,
        trained,
        calibration,
        threshold,
        full,
        {name: found for name, (found, _) in scored.items()},
        rolling,
    )


def retrain(contest: Contest, assessed: Assessed) -> tuple[Trained, Calibration]:
    """Train the same recipe on every flight, for use; its calibration keeps the scalings and renews the level."""
    everything = np.arange(len(contest.dataset.flights))
    trained = train_recipe(assessed.recipe, teach(contest.dataset, everything))
    return trained, replace(assessed.calibration, level=trained.level)


def groups_of(flights: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """Name the airline, month and hour of each flight, for scores by group."""
    scheduled = pl.col("scheduled_departure")
    named = flights.select(
        airline="airline", month=scheduled.dt.strftime("%Y-%m"), hour=scheduled.dt.strftime("%H")
    )
    return {name: named[name].to_numpy().astype(str) for name in GROUPS_BY}


def _folds(contest: Contest, recipe: Recipe, progress: Callable[[str], object]) -> list[_Fold]:
    if recipe.kind is SplitKind.STRATIFIED:
        blocks = [(contest.split.train, contest.split.validation)]
    else:
        scheduled = contest.dataset.flights["scheduled_departure"]
        blocks = list(rolling_origins(scheduled, contest.split.before_test, CUT_OFFS))
    folds = []
    for before, after in blocks:
        trained = train_recipe(recipe, teach(contest.dataset, before))
        matrix, bands = validation_of(contest.dataset, after)
        folds.append(_Fold(trained.unseen(matrix, bands), after, trained.level))
        progress("cut-off")
    return folds


def _threshold(contest: Contest, folds: list[_Fold], calibration: Calibration) -> float:
    late = np.concatenate([contest.dataset.late[fold.rows] for fold in folds])
    p_late = np.concatenate([fold.calibrated(calibration)[:, 1:].sum(axis=1) for fold in folds])
    return best_threshold(late, p_late, contest.cost)


def _score(
    contest: Contest,
    trained: Trained,
    calibration: Calibration,
    matrix: Matrix,
    threshold: float,
    shape: DelayShape,
) -> tuple[Evaluation, Predicted]:
    rows = contest.split.test
    bands = trained.calibrated(calibration, matrix)
    predicted = Predicted(bands, shape.quantile_minutes(bands))
    groups = groups_of(contest.dataset.flights[rows])
    return score(contest.dataset.outcomes(rows), predicted, threshold, groups=groups), predicted


def _rolling_scores(
    contest: Contest, folds: list[_Fold], calibration: Calibration, threshold: float, shape: DelayShape
) -> tuple[RollingScore, ...]:
    scheduled = contest.dataset.flights["scheduled_departure"]

    def scored(fold: _Fold) -> RollingScore:
        bands = fold.calibrated(calibration)
        outcomes: Outcomes = contest.dataset.outcomes(fold.rows)
        found = score(outcomes, Predicted(bands, shape.quantile_minutes(bands)), threshold, rounds=_ROUNDS)
        first, last = moment(scheduled, fold.rows[0]), moment(scheduled, fold.rows[-1])
        return RollingScore(cut_off=first, until=last + timedelta(minutes=1), scores=found)

    return tuple(scored(fold) for fold in folds)
