"""The winner's honest scores: calibrated out of sample, trained before the test, under each condition of knowledge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import BundleError, RegistryError
from puntual.evaluation import (
    Evaluation,
    Measure,
    Predicted,
    baseline_bands,
    best_threshold,
    log_losses,
    paired_difference,
    score,
)
from puntual.evaluation.gate import Evidence, feature_auc, spread_rows
from puntual.evaluation.splits import Rows, moment, rolling_origins
from puntual.features.states import CONDITIONS, MAIN, STATES, Condition, rows_in
from puntual.features.vector import COLUMNS
from puntual.flights.schema import as_text, target_of
from puntual.prediction.calibration import Calibration
from puntual.prediction.experts import LEVEL_EXPERT
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, Registry
from puntual.reporting.training_result import RollingScore
from puntual.sources import FlightTable
from puntual.training.calibration_fit import HoldoutPredictions, loss_left_out
from puntual.training.candidates import Candidate
from puntual.training.experiment import Experiment
from puntual.training.fitting import Experts, FittedModel, fit_on
from puntual.training.side_by_side import side_by_side

CUT_OFFS = (0.4, 0.55, 0.7, 0.85)
GROUPS_BY = ("airline", "month", "hour")
# The share of the loss that an average has to be better by, as it asks one more expert about each flight.
AVERAGE_WINS_BY = 0.001
MOST_FITTED_IN_A_FOLD = 1 << 18
_ROUNDS = 100
_FEWEST_SHARED = 200


@dataclass(frozen=True)
class EvaluatedModel:
    """The winner fitted before the test and calibrated, its threshold, and what it scores on the test.

    `folds` are the predictions of flights after each cut-off before the test, and `fold_experts` who made them;
    `predicted` are those of the test's flights.
    """

    fitted: FittedModel
    threshold: float
    predicted: Predicted
    scores: dict[str, Evaluation]
    folds: tuple[HoldoutPredictions, ...]
    fold_experts: tuple[Experts, ...]


def evaluate_model(
    experiment: Experiment,
    candidate: Candidate,
    begin: Callable[[str], object],
    conditions: Sequence[Condition] = CONDITIONS,
) -> EvaluatedModel:
    """Calibrate on unseen flights before the test, train on all of them, and score the test.

    With a cut-off, an average of two experts is tried for what is known of the past: one with the airport's level as an
    offset, one that learns it. It is kept where the folds say so.
    """
    fold_experts, folds = choose_average(_folds(experiment, candidate, begin))
    begin("fit before the test")
    averaged = LEVEL_EXPERT in fold_experts[-1].of
    fitted = fit_on(experiment, candidate, experiment.split.before_test, averaged=averaged).calibrated(folds)
    threshold = _threshold(experiment, folds, fitted.calibration)

    def on_test(condition: Condition) -> tuple[Predicted, Evaluation]:
        predicted = _predict_test(experiment, fitted, condition)
        return predicted, _score_test(experiment, predicted, threshold)

    names = [condition.name for condition in conditions]
    tested = dict(zip(names, side_by_side(on_test, conditions), strict=True))
    scores = {name: evaluation for name, (_, evaluation) in tested.items()}
    return EvaluatedModel(fitted, threshold, tested[MAIN.name][0], scores, folds, fold_experts)


def choose_average(
    folds: Sequence[tuple[Experts, HoldoutPredictions]],
) -> tuple[tuple[Experts, ...], tuple[HoldoutPredictions, ...]]:
    """Keep the averages of folds, or drop them where they do not win by what another expert has to be worth.

    Each fold's flights are calibrated by what the others say, and those of which the past is known are compared.
    """
    experts, predictions = zip(*folds, strict=True)
    single_experts, single = zip(*side_by_side(_alone, folds), strict=True)
    if single_experts == experts or len(folds) == 1:
        return single_experts, single
    wins = loss_left_out(predictions) < (1 - AVERAGE_WINS_BY) * loss_left_out(single)
    return (experts, predictions) if wins else (single_experts, single)


def _alone(fold: tuple[Experts, HoldoutPredictions]) -> tuple[Experts, HoldoutPredictions]:
    """Let the expert of each state answer by itself."""
    experts, predictions = fold
    if not experts.mixtures:
        return experts, predictions
    single = Experts({name: expert for name, expert in experts.of.items() if name != LEVEL_EXPERT})
    probabilities = predictions.probabilities.copy()
    for state in STATES:
        if state.name in experts.mixtures:
            rows = rows_in(state, predictions.matrix)
            probabilities[rows] = single.of[state.name].predict_proba(predictions.matrix[rows])
    return single, replace(predictions, probabilities=probabilities)


def retrain(experiment: Experiment, evaluated: EvaluatedModel) -> FittedModel:
    """Fit the same candidate on every flight, for use, and calibrate it on the latest that no expert had seen.

    These are the last fold before the test, and the test itself, which the tested model had not seen.
    """
    tested = evaluated.fitted
    rows = np.arange(len(experiment.dataset.flights))
    final = fit_on(experiment, tested.candidate, rows, averaged=LEVEL_EXPERT in tested.experts.of)
    return final.calibrated([evaluated.folds[-1], tested.predict_holdout(experiment.split.test)])


def gather_evidence(
    experiment: Experiment, evaluated: EvaluatedModel, table: FlightTable, registry: Registry
) -> Evidence:
    """Compare the winner with the baseline and the champion on the test flights, and look for golden features."""
    dataset, split = experiment.dataset, experiment.split
    losses = log_losses(evaluated.predicted.bands, dataset.bands[split.test])
    baseline = baseline_bands(dataset.bands[split.before_test], len(split.test))
    day = dataset.keys.day[split.test].astype(np.int32)
    champion, difference = _against_champion(experiment, losses, registry)
    scheduled = dataset.flights["scheduled_departure"]
    vectors = experiment.vectors(split.train)
    train, validation = (part[spread_rows(len(part))] for part in (split.train, split.validation))
    return Evidence(
        test=evaluated.scores[MAIN.name],
        train_until=moment(scheduled, split.before_test[-1]) + timedelta(minutes=1),
        test_from=moment(scheduled, split.test[0]),
        baseline_difference=paired_difference(losses, log_losses(baseline, dataset.bands[split.test]), day),
        champion_version=champion,
        champion_difference=difference,
        feature_auc=feature_auc(
            vectors.full(train),
            dataset.late[train],
            vectors.full(validation),
            dataset.late[validation],
            COLUMNS,
        ),
        data_digest=table.digest,
    )


def rolling_scores(experiment: Experiment, evaluated: EvaluatedModel) -> tuple[RollingScore, ...]:
    """Score the flights after each cut-off by the candidate fitted before it; nothing under a random split."""
    if not experiment.by_time:
        return ()
    scheduled, shape = experiment.dataset.flights["scheduled_departure"], experiment.shape()

    def scored(fold: HoldoutPredictions) -> RollingScore:
        bands = fold.calibrated(evaluated.fitted.calibration)
        predicted = Predicted(bands, shape.quantile_minutes(bands))
        outcomes = experiment.dataset.outcomes(fold.rows)
        scores = score(outcomes, predicted, evaluated.threshold, rounds=_ROUNDS)
        first, last = moment(scheduled, fold.rows[0]), moment(scheduled, fold.rows[-1])
        return RollingScore(cut_off=first, until=last + timedelta(minutes=1), scores=scores)

    return tuple(side_by_side(scored, evaluated.folds))


def groups_of(flights: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """Name the airline, month and hour of each flight, for scores by group; an airline that no flight has is none."""
    scheduled = pl.col("scheduled_departure")
    named = flights.select(
        airline="airline", month=scheduled.dt.strftime("%Y-%m"), hour=scheduled.dt.strftime("%H")
    )
    return {name: _texts(named[name].cast(pl.String)) for name in GROUPS_BY if named[name].count()}


def _texts(column: pl.Series) -> NDArray[np.str_]:
    """Give a column as numpy's texts, by way of the few that differ."""
    column = column.fill_null("unknown")
    values = column.unique().sort()
    positions = column.cast(pl.Enum(values)).to_physical().to_numpy()
    texts: NDArray[np.str_] = np.array(values.to_list(), np.str_)[positions]
    return texts


def _folds(
    experiment: Experiment, candidate: Candidate, begin: Callable[[str], object]
) -> list[tuple[Experts, HoldoutPredictions]]:
    """Fit before each cut-off, averages included where there is one, and predict the flights from it to the next."""
    if not experiment.by_time:
        blocks = [(experiment.split.train, experiment.split.validation)]
    else:
        scheduled = experiment.dataset.flights["scheduled_departure"]
        blocks = list(rolling_origins(scheduled, experiment.split.before_test, CUT_OFFS))

    # What a fold is for, a handful of numbers, is known well enough from so many; of many years each would cost as much
    # as the model itself.
    lean = replace(experiment, most_rows=min(experiment.most_rows, MOST_FITTED_IN_A_FOLD))

    def fold(block: tuple[Rows, Rows]) -> tuple[Experts, HoldoutPredictions]:
        before, after = block
        fitted = fit_on(lean, candidate, before, averaged=experiment.by_time)
        return fitted.experts, fitted.predict_holdout(experiment.held_out(after))

    # The last has the most flights before it.
    return side_by_side(fold, reversed(blocks), lambda _: begin("fit before a cut-off"))[::-1]


def _threshold(
    experiment: Experiment, folds: Sequence[HoldoutPredictions], calibration: Calibration
) -> float:
    late = np.concatenate([experiment.dataset.late[fold.rows] for fold in folds])
    p_late = np.concatenate([fold.calibrated(calibration)[:, 1:].sum(axis=1) for fold in folds])
    return best_threshold(late, p_late, experiment.cost)


def _predict_test(experiment: Experiment, fitted: FittedModel, condition: Condition) -> Predicted:
    bands = fitted.predict(fitted.vectors.under(condition, experiment.split.test))
    return Predicted(bands, experiment.shape().quantile_minutes(bands))


def _score_test(experiment: Experiment, predicted: Predicted, threshold: float) -> Evaluation:
    rows = experiment.split.test
    groups = groups_of(experiment.dataset.flights[rows])
    return score(experiment.dataset.outcomes(rows), predicted, threshold, groups=groups)


def _against_champion(
    experiment: Experiment, losses: NDArray[np.float64], registry: Registry
) -> tuple[str | None, Measure | None]:
    """Score the champion on those test flights that it had not been trained on."""
    version = registry.champion()
    if version is None:
        return None, None
    try:
        bundle = registry.read(version)
        champion = Predictor(bundle, tested=bundle.tested is not None)
    except (BundleError, RegistryError):
        # Of a former release, or not here: a new model must be trained all the same, and the gate says what is missing.
        return None, None
    if bundle.manifest.target is not target_of(experiment.dataset.flights):
        return None, None
    shared = _unseen_by(bundle, experiment)
    if len(shared) < _FEWEST_SHARED:
        return None, None
    dataset, rows = experiment.dataset, experiment.split.test[shared]
    flights = as_text(dataset.flights)
    predicted = champion.predict(flights[rows], past=flights, timetable_of=flights)
    theirs = log_losses(predicted.bands, dataset.bands[rows])
    day = dataset.keys.day[rows].astype(np.int32)
    return version, paired_difference(losses[shared], theirs, day)


def _unseen_by(bundle: Bundle, experiment: Experiment) -> Rows:
    """Find the test flights from the day on which the champion's own test began."""
    scheduled = experiment.dataset.flights["scheduled_departure"].gather(experiment.split.test)
    return np.flatnonzero((scheduled >= bundle.manifest.split.test_from).to_numpy())
