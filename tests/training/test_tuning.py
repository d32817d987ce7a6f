"""A search keeps what is better than the preset, and stops in time."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from flights_made import as_flight_table
from puntual.training import tuning
from puntual.training.candidates import parse_candidates
from puntual.training.selection import Contest
from puntual.training.train import Options, contests, learnable, train


@pytest.fixture(scope="module")
def contest(made_flights: pl.DataFrame) -> Contest:
    dataset, _ = learnable(as_flight_table(made_flights), Options())
    return contests(dataset, Options())[0]


def validation_loss(contest: Contest, candidate) -> float:
    recipe = contest.recipe(candidate)
    trained = tuning.train_recipe(recipe, tuning.teach(contest.dataset, contest.split.train))
    return tuning._validation_loss(contest, trained)


def test_what_is_found_is_no_worse_than_the_preset_and_holds_under_each_treatment(contest: Contest) -> None:
    presets = parse_candidates("logistic:none,logistic:weights,lightgbm:none")
    said = []
    found = tuning.tune(contest, presets, 0.1, said.append)
    assert [str(candidate) for candidate in found] == [str(candidate) for candidate in presets]
    assert said == ["tuned logistic", "tuned lightgbm"]
    assert found[0].parameters == found[1].parameters
    assert set(found[2].parameters) == set(tuning._PRESETS["lightgbm"])
    for name in (0, 2):
        preset = replace(presets[name], parameters=tuning._PRESETS[presets[name].name])
        assert validation_loss(contest, found[name]) <= validation_loss(contest, preset) + 1e-9


def test_no_time_at_all_leaves_the_preset(contest: Contest) -> None:
    started = time.monotonic()
    found = tuning.tune(contest, parse_candidates("logistic:none"), 1e-6, lambda _: None)
    assert found[0].parameters == tuning._PRESETS["logistic"]
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", tuning.SPACES)
def test_each_preset_lies_within_its_space(name: str) -> None:
    """Optuna itself refuses a value outside of the range that is asked for."""
    trial = tuning.optuna.trial.FixedTrial(tuning._PRESETS[name])
    assert tuning.SPACES[name](trial) == tuning._PRESETS[name]


def test_the_presets_of_the_search_are_those_of_the_candidates(contest: Contest) -> None:
    """A candidate without parameters and one with its preset give the same model."""
    plain = parse_candidates("lightgbm:none")[0]
    preset = replace(plain, parameters=tuning._PRESETS["lightgbm"])
    assert validation_loss(contest, plain) == validation_loss(contest, preset)


def test_a_training_with_tuning_says_what_it_found(made_flights: pl.DataFrame, tmp_path) -> None:
    trained = train(
        as_flight_table(made_flights),
        registry=str(tmp_path),
        now=datetime(2026, 1, 2, tzinfo=UTC),
        options=Options(candidates="logistic:none", tune_minutes=0.02),
    )
    assert trained.tuned_minutes == 0.02
    assert "C" in trained.winner.parameters
