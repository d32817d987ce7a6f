"""One experiment fitted once, for all that is tested of a fitted candidate."""

from datetime import UTC, datetime

import pytest

from experiments_made import QUICK, begin, made_experiments, made_table
from puntual.features.states import MAIN
from puntual.registry import Registry
from puntual.training.backtesting import Assessed, assess, retrain
from puntual.training.bundling import Packed, pack
from puntual.training.gate_evidence import gather_evidence
from puntual.training.selection import Experiment, compare
from puntual.training.train import Options


@pytest.fixture(scope="session")
def by_time() -> Experiment:
    """The experiment split by time: flights 0 to 1699 before the test, 1700 to 1999 in it."""
    return made_experiments()[0]


@pytest.fixture(scope="session")
def at_random() -> Experiment:
    """The experiment on the same flights, split at random within each band."""
    return made_experiments()[1]


@pytest.fixture(scope="session")
def assessed(by_time: Experiment) -> Assessed:
    return assess(by_time, QUICK, begin)


@pytest.fixture(scope="session")
def assessed_at_random(at_random: Experiment) -> Assessed:
    return assess(at_random, QUICK, begin, (MAIN,))


@pytest.fixture(scope="session")
def final(by_time: Experiment, assessed: Assessed) -> Assessed:
    """The candidate of `assessed`, trained on all flights."""
    return retrain(by_time, assessed)


@pytest.fixture(scope="session")
def packed(
    by_time: Experiment, assessed: Assessed, final: Assessed, tmp_path_factory: pytest.TempPathFactory
) -> Packed:
    """What goes into the bundle of `assessed` and `final`, made in the first hour of 2026."""
    table, registry = made_table(), Registry(tmp_path_factory.mktemp("no-champion"))
    _, comparison = compare(by_time, (QUICK,), begin)
    evidence = gather_evidence(by_time, assessed, table, registry)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return pack(by_time, assessed, final, comparison, evidence, table, Options(cost="miss=5"), now)
