"""The road from the notebook's features to the full set: the same test flights at each step, seen by none."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from experiments_made import begin
from flights_made import flights_of
from puntual.features.vector import COLUMNS
from puntual.reporting.training_result import AblationStep
from puntual.training import ablation
from puntual.training.ablation import STEP_COUNT, ablate, describe_flights
from puntual.training.backtesting import EvaluatedModel
from puntual.training.dataset import Dataset
from puntual.training.experiment import Experiment

Road = tuple[tuple[AblationStep, ...], list[str]]


@pytest.fixture(scope="module")
def road(at_random: Experiment, evaluated_at_random: EvaluatedModel) -> Road:
    """The steps, and the names that were given as each began."""
    begun: list[str] = []
    return ablate(at_random, evaluated_at_random, begun.append), begun


def only_step(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    monkeypatch.setattr(ablation, "_STEPS", ablation._STEPS[place : place + 1])


def test_each_step_is_named_as_it_begins_and_the_full_set_comes_last(road: Road) -> None:
    steps, begun = road
    assert len(begun) == STEP_COUNT
    assert [step.step for step in steps[:-1]] == begun
    assert steps[-1].step.startswith("the full feature set, lightgbm:none, threshold 0.")


def test_the_features_of_a_step_are_the_values_that_training_saw(road: Road) -> None:
    """Four airlines, two kinds of flight and four months make ten; five destinations make fifteen."""
    assert [step.features for step in road[0]] == [10, 15, 15, 15, 15, 15, len(COLUMNS)]


def test_floats_instead_of_booleans_change_no_score(road: Road) -> None:
    booleans, floats = road[0][1:3]
    assert floats.roc_auc == pytest.approx(booleans.roc_auc, abs=1e-6)
    assert floats.average_precision == pytest.approx(booleans.average_precision, abs=1e-6)


def test_down_sampling_lets_more_late_flights_be_labelled_late(road: Road) -> None:
    as_they_come, down_sampled = road[0][2:4]
    assert (as_they_come.recall, as_they_come.f1) == (0.0, 0.0)
    assert down_sampled.recall is not None and down_sampled.recall > 0.3


def test_the_last_step_is_the_winner_at_its_own_threshold(
    road: Road, at_random: Experiment, evaluated_at_random: EvaluatedModel
) -> None:
    late = at_random.dataset.late[at_random.split.test]
    p_late, threshold = evaluated_at_random.predicted.late_probability, evaluated_at_random.threshold
    assert road[0][-1].roc_auc == pytest.approx(roc_auc_score(late, p_late))
    assert road[0][-1].f1 == pytest.approx(f1_score(late, p_late >= threshold))


def test_a_model_that_never_saw_the_test_ranks_it_the_other_way_round_once_its_outcomes_are_turned(
    at_random: Experiment, evaluated_at_random: EvaluatedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_step(monkeypatch, 3)
    dataset = at_random.dataset
    turned = Dataset(dataset.flights, dataset.rule, dataset.seed)
    turned.bands[at_random.split.test] = (dataset.bands[at_random.split.test] == 0).astype(np.int8)
    step, _ = ablate(at_random, evaluated_at_random, begin)
    after, _ = ablate(replace(at_random, dataset=turned), evaluated_at_random, begin)
    assert after.roc_auc == pytest.approx(1 - step.roc_auc)


def test_a_destination_that_training_never_saw_is_scored_like_any_other(
    at_random: Experiment, evaluated_at_random: EvaluatedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_step(monkeypatch, 1)
    dataset, row = at_random.dataset, int(at_random.split.test[0])
    elsewhere = pl.when(pl.int_range(pl.len()) == row).then(pl.lit("SCL")).otherwise("destination")
    flights = dataset.flights.with_columns(destination=elsewhere)
    other = replace(at_random, dataset=Dataset(flights, dataset.rule, dataset.seed))
    step, _ = ablate(other, evaluated_at_random, begin)
    assert step.features == 15


def test_no_step_learns_from_more_flights_than_the_most_or_from_one_of_the_test(
    at_random: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "_MOST_ROWS", 400)
    rows = ablation._train_rows(at_random, ablation._STEPS[0])
    assert len(set(rows)) == 400 and set(rows) <= set(at_random.split.before_test)


def test_a_down_sampled_step_learns_from_as_many_punctual_flights_as_late_ones(at_random: Experiment) -> None:
    rows = ablation._train_rows(at_random, ablation._STEPS[3])
    late = at_random.dataset.late
    assert late[rows].sum() == (~late[rows]).sum() == late[at_random.split.before_test].sum()


def test_a_flight_is_international_where_its_airports_lie_in_two_countries() -> None:
    flights = flights_of(
        {"scheduled_departure": datetime(2023, 1, 1), "destination": "BOS"},
        {"scheduled_departure": datetime(2023, 1, 2), "destination": "LHR"},
        {"scheduled_departure": datetime(2023, 1, 3), "destination": "QQQ"},
    )
    assert describe_flights(flights)["kind"].to_list() == ["domestic", "international", "unknown"]


def test_a_flight_is_described_by_airline_destination_and_the_month_of_its_schedule() -> None:
    flights = flights_of({"scheduled_departure": datetime(2023, 11, 30, 23, 59), "destination": "MIA"})
    described = describe_flights(flights).select("airline", "destination", "month")
    assert described.rows() == [("AA", "MIA", "11")]
