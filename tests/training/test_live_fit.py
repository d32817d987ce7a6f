"""Live experts: which of them answer, what they are fitted on, and what of them a bundle holds."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from experiments_made import QUICK, begin, few_live_trees, made_experiments
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import LIVE_STATES, MAIN, STATE_NAMES, places_of, withhold
from puntual.prediction.calibration import Scaling, from_table, to_table
from puntual.prediction.experts import Model
from puntual.training.backtesting import evaluate_model
from puntual.training.experiment import Experiment
from puntual.training.fitting import fit_on
from puntual.training.live_fit import LivePlan, add_live
from puntual.training.live_plan import FoldScores, keep_better, plan_live
from puntual.training.onnx_export import TOLERANCE, columns_read, convert

OWN = {state.name: {state.name: 1.0} for state in LIVE_STATES}
LIVE = {state.name: Scaling(follow=0.5) for state in LIVE_STATES}


def losses_at(**means: float) -> dict[str, tuple[Scaling, FoldScores]]:
    """The losses of three flights at each cut-off of every range, those of a range being alike."""
    return {
        state.name: (
            LIVE[state.name],
            FoldScores(
                {minutes: np.full(3, means[state.name]) for minutes in state.cut_offs}, ece=0.01, bias=0.01
            ),
        )
        for state in LIVE_STATES
    }


def plan_with(*names: str) -> LivePlan:
    """The plan in which these states answer, each by its own expert."""
    mixtures = {name: OWN[name] for name in names}
    return LivePlan({name: LIVE[name] for name in names}, mixtures, learn_level=False, losses={})


def test_a_state_answers_only_where_it_knows_more_than_what_is_known_before() -> None:
    validated = losses_at(live_30=0.6, live_60=0.71, live_180=0.65, live_720=0.9)
    plan = keep_better(validated, OWN, daily=0.7)
    assert set(plan.scalings) == {"live_30", "live_180"}
    assert plan.losses == {0: 0.7, 180: 0.65, 120: 0.65, 30: 0.6}


def test_what_answers_never_loses_by_knowing_more() -> None:
    means = np.random.default_rng(0).random((50, 4))
    for row in means:
        validated = losses_at(**dict(zip(LIVE, row.tolist(), strict=True)))
        losses = keep_better(validated, OWN, daily=0.5).losses
        farthest_first = [losses[minutes] for minutes in sorted(losses, key=lambda at: -at if at else -1e9)]
        assert farthest_first == sorted(farthest_first, reverse=True)


@pytest.fixture(scope="module")
def fitted():
    experiment = made_experiments()[0]
    rows = np.arange(1400)
    plan = plan_with("live_60", "live_720")
    with few_live_trees():
        return experiment, add_live(experiment, fit_on(experiment, QUICK, rows), rows, plan)


def test_flights_at_a_cut_off_are_in_the_state_of_its_range(fitted) -> None:
    _, model = fitted
    for minutes, state in ((-20, 30), (30, 30), (46, 60), (120, 180), (700, 720)):
        (place,) = set(places_of(model.vectors.live(np.arange(1500, 1520), minutes)))
        assert STATE_NAMES[place] == f"live_{state}"
    far = model.vectors.live(np.arange(1500, 1520), 24 * 60)
    assert STATE_NAMES[places_of(far)[0]] == "history"


def test_a_range_without_an_expert_is_answered_by_the_coarser_one_as_from_where_that_begins(fitted) -> None:
    _, model = fitted
    rows = np.arange(1500, 1600)
    near = withhold(model.vectors.live(rows, 30), model.experts.of)
    assert {STATE_NAMES[place] for place in places_of(near)} == {"live_60"}
    assert set(near[:, ALL_COLUMNS.index("horizon")]) == {46}


def test_where_no_range_has_an_expert_the_day_before_answers(fitted) -> None:
    _, model = fitted
    rows = np.arange(1500, 1600)
    bare = withhold(model.vectors.live(rows, 60), ("history", "timetable"))
    np.testing.assert_array_equal(model.predict(bare), model.predict(model.vectors.full(rows)))
    hour = withhold(model.vectors.live(rows, 60), model.experts.of)
    assert not np.array_equal(model.predict(hour), model.predict(model.vectors.full(rows)))


def test_live_experts_are_converted_calibrated_and_stored_like_all_others(fitted) -> None:
    _, model = fitted
    models = convert(model.experts)
    assert list(models) == ["history", "timetable", "live_60", "live_720"]
    assert from_table(to_table(model.calibration)) == model.calibration
    read = columns_read(model.experts)
    assert set(read["live_60"]) <= set(ALL_COLUMNS) and "now_airport_overdue" in read["live_60"]
    rows = np.arange(1500, 1600)
    matrix = np.concatenate([model.vectors.live(rows, 60), model.vectors.live(rows, 24 * 60)])
    bands = Model(models, read, QUICK.name, threads=1).bands(matrix)
    np.testing.assert_allclose(bands, model.experts.predict_proba(matrix), atol=TOLERANCE)


def test_what_no_flight_tells_is_not_learnt_from(fitted) -> None:
    _, model = fitted
    read = columns_read(model.experts)["live_60"]
    assert not {name for name in read if name.startswith(("weather_", "revised_", "rotation_"))}
    assert "now_airport_departed_1h" in read


def test_later_flights_change_nothing_that_is_learnt_before_a_cut_off(fitted) -> None:
    experiment, model = fitted
    flights = experiment.dataset.flights
    late = (
        pl.when(pl.int_range(pl.len()) >= 1430)
        .then(pl.col("departed") + pl.duration(hours=3))
        .otherwise("departed")
    )
    changed = replace(
        experiment, dataset=replace(experiment.dataset, flights=flights.with_columns(departed=late))
    )
    rows = np.arange(1400)
    plan = plan_with("live_60")
    with few_live_trees():
        other = add_live(changed, fit_on(changed, QUICK, rows), rows, plan)
    asked = model.vectors.live(np.arange(1300, 1390), 60)
    np.testing.assert_array_equal(
        other.experts.of["live_60"].predict_proba(asked), model.experts.of["live_60"].predict_proba(asked)
    )


def plan_of(experiment: Experiment) -> LivePlan:
    evaluated = evaluate_model(experiment, QUICK, begin, (MAIN,))
    with few_live_trees():
        return plan_live(experiment, evaluated, begin)


def test_a_plan_is_made_before_the_test_alone() -> None:
    experiment = made_experiments()[0]
    plan = plan_of(experiment)
    flights = experiment.dataset.flights
    test = pl.int_range(pl.len()) >= int(experiment.split.test[0]) + 20
    late = pl.when(test).then(pl.col("departed") + pl.duration(hours=3)).otherwise("departed")
    changed = replace(
        experiment, dataset=replace(experiment.dataset, flights=flights.with_columns(departed=late))
    )
    assert plan_of(changed) == plan
    assert sorted(plan.losses) == sorted(
        {0} | {minutes for state in LIVE_STATES if state.name in plan.scalings for minutes in state.cut_offs}
    )
