"""A search keeps what is better than the preset, and stops in time."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from flights_made import as_flight_table
from puntual.training import tuning
from puntual.training.candidates import parse_candidates, preset
from puntual.training.experiment import Experiment, Options, experiments, learnable
from puntual.training.train import train


@pytest.fixture(scope="module")
def experiment(made_flights: pl.DataFrame) -> Experiment:
    dataset, _ = learnable(as_flight_table(made_flights), Options())
    return experiments(dataset, Options())[0]


def searched(name: str, rows: int = 1_000) -> dict[str, object]:
    """The parameters of a preset that a search varies; Optuna refuses one outside of the range that is asked for."""
    return tuning.SPACES[name](tuning.optuna.trial.FixedTrial(preset(name, rows)))


def validation_loss(experiment: Experiment, candidate) -> float:
    return tuning._validation_loss(experiment, candidate, experiment.split.train)


def test_what_is_found_is_no_worse_than_the_preset_and_holds_under_each_treatment(
    experiment: Experiment,
) -> None:
    presets = parse_candidates("logistic:none,logistic:weights,lightgbm:none")
    steps = []
    found = tuning.tune(experiment, presets, 0.1, steps.append)
    assert [str(candidate) for candidate in found] == [str(candidate) for candidate in presets]
    assert steps == ["tune logistic", "tune lightgbm"]
    assert found[0].parameters == found[1].parameters
    assert set(found[2].parameters) == set(searched("lightgbm"))
    for name in (0, 2):
        start = replace(presets[name], parameters=searched(presets[name].name))
        assert validation_loss(experiment, found[name]) <= validation_loss(experiment, start) + 1e-9


def test_no_time_at_all_leaves_the_preset(experiment: Experiment) -> None:
    started = time.monotonic()
    found = tuning.tune(experiment, parse_candidates("logistic:none"), 1e-6, lambda _: None)
    assert found[0].parameters == searched("logistic")
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", tuning.SPACES)
def test_each_preset_lies_within_its_space(name: str) -> None:
    """Optuna itself refuses a value outside of the range that is asked for."""
    for rows in (50_000, 500_000):
        assert searched(name, rows).items() <= preset(name, rows).items()


def test_a_search_on_a_large_table_starts_from_the_preset_of_large_tables() -> None:
    assert (
        searched("lightgbm", 50_000)["learning_rate"],
        searched("lightgbm", 500_000)["learning_rate"],
    ) == (0.05, 0.1)
    assert (searched("neural", 50_000)["max_iter"], searched("neural", 500_000)["max_iter"]) == (12, 6)


def test_the_presets_of_the_search_are_those_of_the_candidates(experiment: Experiment) -> None:
    """A candidate without parameters and one with its preset give the same model."""
    plain = parse_candidates("lightgbm:none")[0]
    as_preset = replace(plain, parameters=searched("lightgbm"))
    assert validation_loss(experiment, plain) == validation_loss(experiment, as_preset)


def test_a_training_with_tuning_says_what_it_found(made_flights: pl.DataFrame, tmp_path) -> None:
    trained = train(
        as_flight_table(made_flights),
        registry=str(tmp_path),
        now=datetime(2026, 1, 2, tzinfo=UTC),
        options=Options(candidates="logistic:none", tune_minutes=0.02, backtest=False, live=False),
    )
    assert trained.tuned_minutes == 0.02
    assert "C" in trained.winner.parameters
