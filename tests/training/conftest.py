"""One experiment fitted once, for all that is tested of a fitted candidate."""

from datetime import UTC, datetime

import pytest

from experiments_made import QUICK, begin, made_experiments, made_table
from puntual.features.states import MAIN
from puntual.registry import Bundle, Registry
from puntual.training.backtesting import EvaluatedModel, evaluate_model, gather_evidence, retrain
from puntual.training.bundling import make_bundle
from puntual.training.experiment import Experiment, Options
from puntual.training.fitting import FittedModel
from puntual.training.selection import compare


@pytest.fixture(scope="session")
def by_time() -> Experiment:
    """The experiment split by time: flights 0 to 1699 before the test, 1700 to 1999 in it."""
    return made_experiments()[0]


@pytest.fixture(scope="session")
def at_random() -> Experiment:
    """The experiment on the same flights, split at random within each band."""
    return made_experiments()[1]


@pytest.fixture(scope="session")
def evaluated(by_time: Experiment) -> EvaluatedModel:
    return evaluate_model(by_time, QUICK, begin)


@pytest.fixture(scope="session")
def evaluated_at_random(at_random: Experiment) -> EvaluatedModel:
    return evaluate_model(at_random, QUICK, begin, (MAIN,))


@pytest.fixture(scope="session")
def final(by_time: Experiment, evaluated: EvaluatedModel) -> FittedModel:
    """The candidate of `evaluated`, trained on all flights."""
    return retrain(by_time, evaluated)


@pytest.fixture(scope="session")
def bundle(
    by_time: Experiment,
    evaluated: EvaluatedModel,
    final: FittedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Bundle:
    """The bundle of `evaluated` and `final`, made in the first hour of 2026, without its card."""
    table, registry = made_table(), Registry(tmp_path_factory.mktemp("no-champion"))
    _, comparison = compare(by_time, (QUICK,), begin)
    evidence = gather_evidence(by_time, evaluated, table, registry)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return make_bundle(by_time, evaluated, final, comparison, evidence, table, Options(cost="miss=5"), now)
