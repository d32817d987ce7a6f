"""Which candidate is chosen, and why."""

import numpy as np
import polars as pl
import pytest

from flights_made import as_flight_table
from puntual.evaluation import Measure
from puntual.reporting.training_result import CandidateResult
from puntual.training.candidates import parse_candidates
from puntual.training.experiment import Options, experiments, learnable
from puntual.training.onnx_export import TOLERANCE
from puntual.training.selection import choose, compare

DAYS = np.arange(4_000) // 100


@pytest.fixture(scope="module")
def compared(made_flights: pl.DataFrame) -> tuple[CandidateResult, ...]:
    dataset, _ = learnable(as_flight_table(made_flights), Options())
    names = "logistic:none,lightgbm:none,forest:down"
    return compare(experiments(dataset, Options())[0], parse_candidates(names), lambda _: None)[1]


def test_each_candidate_is_scored_converted_and_proved(compared: tuple[CandidateResult, ...]) -> None:
    multiplied, boosted, grown = (entry.branches for entry in compared)
    assert multiplied == 0 < grown < boosted
    assert all(entry.largest_difference <= TOLERANCE for entry in compared)
    assert all(entry.onnx_bytes > 1000 and entry.scores.roc_auc.value > 0.5 for entry in compared)


def test_one_of_those_that_tie_is_chosen(compared: tuple[CandidateResult, ...]) -> None:
    (chosen,) = (entry for entry in compared if entry.chosen)
    assert chosen.tied
    assert chosen.branches == min(entry.branches for entry in compared if entry.tied)


def scored(
    compared: tuple[CandidateResult, ...], *candidates: tuple[str, float, float, int]
) -> tuple[list[CandidateResult], list[np.ndarray]]:
    """Results, and losses of a given mean and spread about a common course of the days."""
    course = np.random.default_rng(0).normal(0.0, 0.05, DAYS[-1] + 1)[DAYS]
    results, losses = [], []
    for seed, (name, mean, spread, branches) in enumerate(candidates):
        noise = np.random.default_rng(seed + 1).normal(0.0, spread, len(DAYS))
        losses.append(mean + course + noise - noise.mean())
        result = type(compared[0])(
            **{field: getattr(compared[0], field) for field in compared[0].__struct_fields__}
            | {"name": name, "branches": branches, "log_loss": mean, "gap_to_best": Measure(0.0, 0.0, 0.0)}
        )
        results.append(result)
    return results, losses


def test_the_lowest_loss_is_chosen_where_none_is_as_good(compared: tuple[CandidateResult, ...]) -> None:
    found = choose(*scored(compared, ("far", 0.52, 0.001, 0), ("lowest", 0.50, 0.001, 1000)), DAYS)
    assert [(entry.tied, entry.chosen) for entry in found] == [(False, False), (True, True)]


def test_a_tie_goes_to_the_fewest_branches_and_then_to_the_lower_loss(
    compared: tuple[CandidateResult, ...],
) -> None:
    candidates = (
        ("lowest", 0.5000, 0.001, 1000),
        ("cheap", 0.5004, 0.001, 160),
        ("as cheap and better", 0.5002, 0.001, 160),
        ("cheapest and worse", 0.5100, 0.001, 0),
    )
    found = choose(*scored(compared, *candidates), DAYS)
    assert [entry.name for entry in found if entry.chosen] == ["as cheap and better"]
    assert [entry.tied for entry in found] == [True, True, True, False]


def test_a_distance_that_could_not_be_measured_is_no_tie(compared: tuple[CandidateResult, ...]) -> None:
    """Its mean is as good, but its losses stray so far that it might be much worse."""
    found = choose(*scored(compared, ("unsteady", 0.5001, 3.0, 0), ("lowest", 0.5, 0.001, 9)), DAYS)
    assert [entry.chosen for entry in found] == [False, True]
