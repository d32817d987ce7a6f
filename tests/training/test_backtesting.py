"""The winner's honest scores: what it is calibrated on, trained on and tested on, and what it never sees."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from experiments_made import QUICK, an_hour_late_from, begin
from flights_made import flights_of
from puntual.evaluation import log_losses
from puntual.features.states import CONDITIONS, MAIN, STATES
from puntual.features.vector import COLUMNS
from puntual.prediction.calibration import LEVEL_COLUMNS, Calibration, Level, Scaling
from puntual.training.backtesting import EvaluatedModel, evaluate_model, groups_of, rolling_scores
from puntual.training.calibration_fit import HoldoutPredictions, fit_calibration
from puntual.training.experiment import Experiment
from puntual.training.fitting import FittedModel

FIRST_TEST_DAY = datetime(2023, 3, 28)


def f1(late: np.ndarray, labelled: np.ndarray) -> float:
    return float(2 * (late & labelled).sum() / (late.sum() + labelled.sum()))


def test_by_time_the_folds_follow_one_another_from_midnights_up_to_the_test(
    evaluated: EvaluatedModel,
) -> None:
    """Of 1,700 flights before the test, 20 a day, 40 % are 680, 55 % are 935, 70 % are 1,190, 85 % are 1,445."""
    bounds = [(int(fold.rows[0]), int(fold.rows[-1]) + 1) for fold in evaluated.folds]
    assert bounds == [(680, 920), (920, 1180), (1180, 1440), (1440, 1700)]


def test_at_random_the_one_fold_is_the_validation(
    at_random: Experiment, evaluated_at_random: EvaluatedModel
) -> None:
    (fold,) = evaluated_at_random.folds
    np.testing.assert_array_equal(fold.rows, at_random.split.validation)


def test_the_tested_model_learns_from_all_flights_before_the_test_and_no_other(
    evaluated: EvaluatedModel,
) -> None:
    np.testing.assert_array_equal(evaluated.fitted.vectors.learnt_from, np.arange(1700))


def test_nothing_that_happens_in_the_test_reaches_model_calibration_or_threshold(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    other = evaluate_model(an_hour_late_from(by_time, FIRST_TEST_DAY), QUICK, begin, (MAIN,))
    assert other.fitted.calibration == evaluated.fitted.calibration and other.threshold == evaluated.threshold
    first_day = slice(0, 20)
    np.testing.assert_array_equal(other.predicted.bands[first_day], evaluated.predicted.bands[first_day])
    assert other.scores["history"].late_rate == 1.0 > evaluated.scores["history"].late_rate


def test_what_happens_before_the_last_cut_off_reaches_calibration_and_threshold(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    other = evaluate_model(an_hour_late_from(by_time, datetime(2023, 3, 1)), QUICK, begin, (MAIN,))
    assert other.fitted.calibration != evaluated.fitted.calibration and other.threshold != evaluated.threshold


def test_the_test_is_scored_under_each_condition_that_is_given(
    evaluated: EvaluatedModel, evaluated_at_random: EvaluatedModel
) -> None:
    assert list(evaluated.scores) == [condition.name for condition in CONDITIONS]
    assert list(evaluated_at_random.scores) == ["history"]
    history, timetable = evaluated.scores["history"], evaluated.scores["timetable"]
    assert history.flights == timetable.flights == 300
    assert history.log_loss.value != timetable.log_loss.value


def test_the_score_of_the_main_condition_is_that_of_the_predictions_kept(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    losses = log_losses(evaluated.predicted.bands, by_time.dataset.bands[1700:])
    assert evaluated.scores["history"].log_loss.value == pytest.approx(losses.mean())


def test_as_many_flights_of_the_folds_are_called_late_as_were(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    late = by_time.dataset.late[680:1700]
    calibration = evaluated.fitted.calibration
    p_late = np.concatenate([fold.calibrated(calibration)[:, 1:].sum(axis=1) for fold in evaluated.folds])
    assert (p_late >= evaluated.threshold).sum() == pytest.approx(late.sum(), abs=2)


def test_no_other_threshold_labels_the_flights_of_the_folds_better_where_f1_is_the_rule(
    by_time: Experiment,
) -> None:
    by_f1 = evaluate_model(replace(by_time, cost="f1"), QUICK, begin, (MAIN,))
    late = by_time.dataset.late[680:1700]
    calibration = by_f1.fitted.calibration
    p_late = np.concatenate([fold.calibrated(calibration)[:, 1:].sum(axis=1) for fold in by_f1.folds])
    chosen = f1(late, p_late >= by_f1.threshold)
    assert chosen == max(f1(late, p_late >= threshold) for threshold in p_late)


def test_a_fold_is_calibrated_on_its_flights_on_the_day_under_its_own_level() -> None:
    """Half were late lately and a fifth in training, so the odds of 1 to 4 that a flight is late rise fourfold."""
    matrix = np.full((2, len(COLUMNS)), np.nan, np.float32)
    # The second row is the same flight without history, which is there for fitting alone.
    matrix[0, LEVEL_COLUMNS] = 0.5
    probabilities = np.array([[0.8, 0.2, 0, 0, 0], [0.1, 0.9, 0, 0, 0]])
    fold = HoldoutPredictions(
        rows=np.array([7]),
        probabilities=probabilities,
        matrix=matrix,
        bands=np.array([0, 0], np.int8),
        level=Level((0.25,) * 4, base=0.2).of(matrix),
        prior=Scaling(),
    )
    of_another = Calibration({state.name: Scaling() for state in STATES}, Level(base=0.9))
    np.testing.assert_allclose(fold.calibrated(of_another), [[0.5, 0.5, 0, 0, 0]], atol=1e-5)


def test_a_retrained_model_is_the_same_candidate_fitted_on_every_flight(
    evaluated: EvaluatedModel, final: FittedModel
) -> None:
    assert len(final.vectors.learnt_from) == 2000
    assert final.experts is not evaluated.fitted.experts and final.candidate == QUICK


def test_a_retrained_model_is_calibrated_on_the_latest_flights_and_renews_the_level(
    by_time: Experiment, evaluated: EvaluatedModel, final: FittedModel
) -> None:
    latest = evaluated.fitted.predict_holdout(by_time.split.test)
    learnt = fit_calibration([evaluated.folds[-1], latest], final.calibration.level)
    assert final.calibration == learnt and learnt.scalings != evaluated.fitted.calibration.scalings
    assert evaluated.fitted.calibration.level.base == by_time.dataset.late[:1700].mean()
    assert final.calibration.level.base == by_time.dataset.late.mean()


def test_what_is_calibrated_on_the_test_is_what_the_tested_experts_say_of_it_before_any_calibration(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    latest = evaluated.fitted.predict_holdout(by_time.split.test)
    undone = latest.prior.logits(latest.probabilities, np.zeros(len(latest.bands)))
    np.testing.assert_allclose(undone, np.log(np.maximum(latest.probabilities, 1e-7)))


def test_each_rolling_score_is_of_the_flights_from_its_cut_off_to_the_next(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    rolling = rolling_scores(by_time, evaluated)
    assert [period.scores.flights for period in rolling] == [240, 260, 260, 260]
    cut_offs = [period.cut_off.date().isoformat() for period in rolling]
    assert cut_offs == ["2023-02-05", "2023-02-17", "2023-03-02", "2023-03-15"]
    assert rolling[-1].until == datetime(2023, 3, 27, 23, 56)


def test_a_rolling_score_is_that_of_the_calibrated_fold(
    by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    bands = evaluated.folds[1].calibrated(evaluated.fitted.calibration)
    losses = log_losses(bands, by_time.dataset.bands[920:1180])
    scores = rolling_scores(by_time, evaluated)[1].scores
    assert scores.log_loss.value == pytest.approx(losses.mean())
    assert scores.threshold == evaluated.threshold


def test_a_random_split_has_no_cut_offs_to_score(
    at_random: Experiment, evaluated_at_random: EvaluatedModel
) -> None:
    assert rolling_scores(at_random, evaluated_at_random) == ()


def test_flights_are_grouped_by_airline_month_and_hour_of_schedule() -> None:
    flights = flights_of(
        {"airline": "AA", "scheduled_departure": datetime(2023, 1, 31, 23, 59)},
        {"airline": "B6", "scheduled_departure": datetime(2023, 2, 1, 5, 0)},
    )
    groups = {name: values.tolist() for name, values in groups_of(flights).items()}
    assert groups == {"airline": ["AA", "B6"], "month": ["2023-01", "2023-02"], "hour": ["23", "05"]}
