"""Averages of experts from their choice on folds to what a bundle that holds them answers."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import msgspec
import numpy as np
import pytest

from experiments_made import QUICK, begin, few_live_trees, made_table
from puntual.errors import BundleError
from puntual.features.states import LIVE_STATES, MAIN, places_of
from puntual.features.vector import COLUMNS
from puntual.prediction.calibration import Probabilities, Scaling
from puntual.prediction.experts import DAY_BEFORE, LEVEL_EXPERT, POOLED_EXPERT, Mixture
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, from_bytes, to_bytes
from puntual.training import backtesting, live_plan
from puntual.training.backtesting import EvaluatedModel, evaluate_model, retrain
from puntual.training.bundling import make_bundle
from puntual.training.experiment import Experiment, Options
from puntual.training.fitting import FittedModel
from puntual.training.live_fit import LivePlan, add_live
from puntual.training.live_folds import FoldAnswers, LiveFold
from puntual.training.live_plan import choose_scaling

SHARES = np.array([0.8, 0.1, 0.05, 0.03, 0.02])
PRIOR = Scaling(center=tuple(np.log(SHARES).tolist()))
LIVE_720 = LIVE_STATES[-1]
THIRDS = {"live_60": 0.25, POOLED_EXPERT: 0.25, DAY_BEFORE: 0.5}


def made_fold(seed: int, *, spread: float, raised: float = 0.0, level: float = 0.0) -> LiveFold:
    """Four thousand flights; `raised` of their airport's level, which strays by `spread`, raises their odds."""
    chance = np.random.default_rng(seed)
    levels = chance.normal(level, spread, 4000)
    odds = np.where(np.arange(5) > 0, raised * levels[:, np.newaxis], 0) + np.log(SHARES)
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    bands = (chance.random((4000, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, 4)
    everywhere = np.ones(4000, bool)
    day_before: dict[int, Probabilities] = dict.fromkeys(LIVE_720.cut_offs, shares)
    fold = SimpleNamespace(
        bands=bands.astype(np.int8),
        level=levels,
        present=everywhere,
        waiting=dict.fromkeys(LIVE_720.cut_offs, everywhere),
        day_before=day_before,
        prior=PRIOR,
    )
    return cast("LiveFold", fold)


def moved(step: float, *, meant: float) -> list[FoldAnswers]:
    """What such an expert says of three folds, at which the level stood lower, as usual, and higher by a step."""
    said = np.tile(SHARES, (4000, 1))
    folds = [made_fold(seed, spread=0.0, raised=meant, level=step * (seed - 1)) for seed in range(3)]
    return [FoldAnswers(fold, {360: said, 720: said}, PRIOR) for fold in folds]


def test_a_level_that_moved_little_and_meant_what_it_says_is_followed_whole() -> None:
    scaling, on_folds = choose_scaling(moved(0.1, meant=1.0))
    assert scaling.follow == pytest.approx(1, abs=0.15) and on_folds.bias < 0.01


def test_half_of_a_level_that_moved_and_meant_less_is_followed() -> None:
    scaling, _ = choose_scaling(moved(0.2, meant=0.4))
    assert scaling.follow == pytest.approx(0.5, abs=0.1)


def test_what_the_day_before_says_follows_the_level_whole() -> None:
    halves = [replace(one, day_share=0.5) for one in moved(0.2, meant=0.4)]
    assert choose_scaling(halves)[0].follow == pytest.approx(0.75, abs=0.1)


def mixture_where(*, noise: float) -> Mixture:
    """What is chosen where live experts know the outcome through noise, and the day before how likely it was."""
    folds = [made_fold(seed, spread=1.0, raised=1.0) for seed in range(3)]
    for fold in folds:
        vars(fold)["level"] = np.zeros(4000)
    answers = []
    for seed, fold in enumerate(folds):
        chance = np.random.default_rng(seed)
        logits = np.log(SHARES) + np.eye(5)[fold.bands] + chance.normal(0, noise, (4000, 5))
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        said = dict.fromkeys(LIVE_720.cut_offs, shares)
        answers.append({LIVE_720.name: said, POOLED_EXPERT: said})
    return live_plan._choose_mixture(folds, answers, LIVE_720)


def test_an_expert_that_knows_the_day_answers_alone() -> None:
    assert mixture_where(noise=0.01) == {LIVE_720.name: 1.0}


def test_an_expert_that_knows_little_of_the_day_is_drawn_towards_the_day_before() -> None:
    assert mixture_where(noise=3.0)[DAY_BEFORE] == 0.75


@pytest.fixture(scope="module")
def averaged(by_time: Experiment) -> EvaluatedModel:
    """The candidate where an average of the day before wins, whatever it loses."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backtesting, "AVERAGE_WINS_BY", -1)
        return evaluate_model(by_time, QUICK, begin, (MAIN,))


@pytest.fixture(scope="module")
def mixed_model(by_time: Experiment, averaged: EvaluatedModel) -> FittedModel:
    mixtures = {"live_60": THIRDS, "live_30": {"live_30": 1.0}}
    scalings = dict.fromkeys(mixtures, averaged.fitted.calibration.scalings["history"])
    plan = LivePlan(scalings, mixtures, learn_level=False, losses={})
    with few_live_trees():
        return add_live(by_time, retrain(by_time, averaged), np.arange(2000), plan)


@pytest.fixture(scope="module")
def mixed_bundle(
    by_time: Experiment, averaged: EvaluatedModel, mixed_model: FittedModel, bundle: Bundle
) -> Bundle:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    evidence = bundle.manifest.evidence
    return make_bundle(by_time, averaged, mixed_model, (), evidence, made_table(), Options(), now)


def test_an_average_is_kept_where_it_wins_and_dropped_where_it_does_not(
    by_time: Experiment, averaged: EvaluatedModel
) -> None:
    assert averaged.fitted.experts.mixtures == {"history": {"history": 0.5, LEVEL_EXPERT: 0.5}}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backtesting, "AVERAGE_WINS_BY", 1)
        alone = evaluate_model(by_time, QUICK, begin, (MAIN,))
    assert list(alone.fitted.experts.of) == ["history", "timetable"] and not alone.fitted.experts.mixtures
    assert not np.array_equal(alone.predicted.bands, averaged.predicted.bands)


def test_of_the_two_only_one_reads_the_airports_level(averaged: EvaluatedModel) -> None:
    experts = averaged.fitted.experts.of
    level = COLUMNS.index("airport_late_rate_7d")
    assert level in experts[LEVEL_EXPERT].columns and level not in experts["history"].columns
    assert set(experts["history"].columns) < set(experts[LEVEL_EXPERT].columns)


def test_a_split_at_random_averages_nothing(evaluated_at_random: EvaluatedModel) -> None:
    assert list(evaluated_at_random.fitted.experts.of) == ["history", "timetable"]


def test_a_bundle_names_who_answers_and_holds_each_of_them_once(mixed_bundle: Bundle) -> None:
    read = from_bytes(to_bytes(mixed_bundle)[1], "mixed.puntual")
    assert read.manifest.mixtures == {"history": {"history": 0.5, LEVEL_EXPERT: 0.5}, "live_60": THIRDS}
    assert set(read.experts) == {"history", "timetable", LEVEL_EXPERT, "live_30", "live_60", POOLED_EXPERT}


def test_a_mixed_bundle_answers_as_what_was_trained(mixed_bundle: Bundle, mixed_model: FittedModel) -> None:
    predictor = Predictor(mixed_bundle)
    assert predictor.live_states == ("live_30", "live_60")
    for minutes in (30, 60):
        matrix = mixed_model.vectors.live(np.arange(1500, 1700), minutes)
        np.testing.assert_allclose(predictor.bands(matrix), mixed_model.predict(matrix), atol=1e-5)


def test_a_flight_alone_has_the_bits_that_it_has_among_others(
    mixed_bundle: Bundle, mixed_model: FittedModel
) -> None:
    predictor = Predictor(mixed_bundle)
    rows = np.arange(1500, 1637)
    wide = np.concatenate([mixed_model.vectors.live(rows, minutes) for minutes in (30, 60)])
    assert len(set(places_of(wide))) == 2
    for matrix in (wide, mixed_model.vectors.full(rows)):
        alone = np.concatenate([predictor.bands(matrix[place : place + 1]) for place in range(len(matrix))])
        np.testing.assert_array_equal(predictor.bands(matrix), alone)


def test_reasons_explain_the_average(
    mixed_bundle: Bundle, by_time: Experiment, mixed_model: FittedModel
) -> None:
    predictor = Predictor(mixed_bundle)
    rows = np.arange(1500, 1503)
    flights = by_time.dataset.flights
    live = mixed_model.vectors.live(rows, 60)[:, len(COLUMNS) :]
    answers = [
        predictor.predict(flights[rows], past=flights, timetable_of=flights, live=each, reasons=True)
        for each in (None, live)
    ]
    day_before, hour_before = answers
    assert day_before.reasons is not None and hour_before.reasons is not None
    np.testing.assert_allclose(
        day_before.reasons.sum(axis=1) + predictor.reference_late_probability,
        day_before.late_probability,
        atol=1e-6,
    )
    assert not np.allclose(hour_before.late_probability, day_before.late_probability)
    assert hour_before.reasons[:, len(day_before.reasons[0]) :].any()


def test_shares_that_were_altered_are_noticed_on_loading(mixed_bundle: Bundle) -> None:
    altered = msgspec.structs.replace(mixed_bundle.manifest, mixtures={"live_60": {POOLED_EXPERT: 1.0}})
    with pytest.raises(BundleError):
        Predictor(replace(mixed_bundle, manifest=altered))
