"""Nothing is learnt from what stands after the cut-off: neither from outcomes nor from the flights themselves."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from flights_made import as_flight_table, make_flights
from puntual.evaluation.splits import rolling_origins
from puntual.training.backtesting import CUT_OFFS, evaluate_model
from puntual.training.candidates import Candidate, parse_candidates
from puntual.training.experiment import Experiment, Options, experiments, learnable
from puntual.training.fitting import fit_on
from puntual.training.onnx_export import convert
from puntual.training.selection import compare

CANDIDATES = parse_candidates("logistic:none,lightgbm:none")


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    return make_flights(days=100, per_day=16)


def by_time(flights: pl.DataFrame) -> Experiment:
    options = Options()
    return experiments(learnable(as_flight_table(flights), options)[0], options)[0]


def chosen_before_the_test(experiment: Experiment) -> tuple[object, ...]:
    """The winner with its losses and parameters, its calibration, threshold, models and the shape of delays."""
    winner, results = compare(experiment, CANDIDATES, lambda _: None)
    evaluated = evaluate_model(experiment, winner, lambda _: None)
    losses = [(result.log_loss, result.parameters, result.chosen) for result in results]
    models = convert(evaluated.fitted.experts)
    return winner, losses, evaluated.fitted.calibration, evaluated.threshold, models, experiment.shape()


def with_other_outcomes(flights: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    """Every second of some flights leaves three hours late, and every third on time."""
    place = pl.int_range(pl.len())
    due = pl.col("scheduled_departure")
    left = (
        pl.when(place.is_in(rows.tolist()) & (place % 2 == 0))
        .then(due + timedelta(hours=3))
        .when(place.is_in(rows.tolist()) & (place % 3 == 0))
        .then(due)
        .otherwise(pl.col("departed"))
    )
    return flights.with_columns(departed=left)


def test_other_outcomes_of_the_test_change_nothing_that_was_chosen_before_it(flights: pl.DataFrame) -> None:
    usual = by_time(flights)
    other = by_time(with_other_outcomes(usual.dataset.flights, usual.split.test))
    assert (usual.dataset.late != other.dataset.late)[usual.split.test].sum() > 50
    for one, another in zip(chosen_before_the_test(usual), chosen_before_the_test(other), strict=True):
        assert str(one) == str(another)


def with_other_flights(flights: pl.DataFrame, first: int) -> pl.DataFrame:
    """From a row on, another airline flies everything, to another airport."""
    later = pl.int_range(pl.len()) >= first
    changed = {"airline": "ZZ", "destination": "LIM"}
    columns = {name: pl.when(later).then(pl.lit(to)).otherwise(pl.col(name)) for name, to in changed.items()}
    return flights.with_columns(**columns).sort("scheduled_departure", maintain_order=True)


def test_other_flights_after_a_folds_cut_off_leave_all_that_it_learnt(flights: pl.DataFrame) -> None:
    usual = by_time(flights)
    scheduled = usual.dataset.flights["scheduled_departure"]
    before, after = next(iter(rolling_origins(scheduled, usual.split.before_test, CUT_OFFS)))
    other_flights = with_other_flights(usual.dataset.flights, int(after[0]))
    other = replace(usual, dataset=replace(usual.dataset, flights=other_flights))
    fitted, other_fitted = (fit_on(one, CANDIDATES[1], before) for one in (usual, other))
    vectors, other_vectors = fitted.vectors, other_fitted.vectors
    assert vectors.vocabulary == other_vectors.vocabulary
    for name, values in vectors.usual_departures.items():
        np.testing.assert_array_equal(values, other_vectors.usual_departures[name])
    assert convert(fitted.experts) == convert(other_fitted.experts)
    assert usual.vectors(after).vocabulary != other.vectors(after).vocabulary


def test_the_tested_model_is_asked_with_the_codes_that_it_learnt(flights: pl.DataFrame) -> None:
    usual = by_time(flights)
    evaluated = evaluate_model(usual, Candidate(*_plain(CANDIDATES[0])), lambda _: None)
    assert evaluated.fitted.vectors.learnt_from.tolist() == usual.split.before_test.tolist()


def _plain(candidate: Candidate) -> tuple[str, object]:
    return candidate.name, candidate.treatment
