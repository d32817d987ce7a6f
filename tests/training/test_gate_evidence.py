"""What the gate judges by: against the baseline, against the champion, and each feature alone."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from experiments_made import an_hour_late_from, made_table
from puntual.evaluation import Measure, Predicted, log_losses
from puntual.evaluation.gate import Evidence
from puntual.features.vector import COLUMNS
from puntual.registry import Bundle, Registry
from puntual.training.backtesting import EvaluatedModel, gather_evidence
from puntual.training.dataset import Dataset
from puntual.training.experiment import Experiment

FIRST_TEST_DAY = datetime(2023, 3, 28)


@pytest.fixture(scope="module")
def evidence(bundle: Bundle) -> Evidence:
    """What was gathered while there was no champion."""
    return bundle.manifest.evidence


def champion_tested_from(bundle: Bundle, folder: Path, test_from: datetime) -> tuple[Registry, str]:
    """A registry whose champion is the model itself, its test said to have begun at a moment."""
    split = msgspec.structs.replace(bundle.manifest.split, test_from=test_from)
    manifest = msgspec.structs.replace(bundle.manifest, split=split)
    registry = Registry(folder)
    version = registry.publish(replace(bundle, manifest=manifest, card="# Card"))
    registry.set_champion(version, datetime(2026, 1, 2, tzinfo=UTC), previous=None)
    return registry, version


def test_training_ends_a_minute_after_its_last_flight_and_before_the_first_of_the_test(
    evidence: Evidence,
) -> None:
    assert evidence.train_until == datetime(2023, 3, 27, 23, 56)
    assert evidence.test_from == datetime(2023, 3, 28, 5, 0)


def test_the_scores_are_those_with_history_and_the_digest_is_that_of_the_table(
    evidence: Evidence, evaluated: EvaluatedModel
) -> None:
    assert evidence.test == evaluated.scores["history"]
    assert evidence.data_digest == made_table().digest


def test_the_baseline_says_of_every_flight_how_often_each_band_came_before_the_test(
    by_time: Experiment, evaluated: EvaluatedModel, evidence: Evidence
) -> None:
    bands = by_time.dataset.bands
    shares = (np.bincount(bands[:1700], minlength=5) + 1) / 1705
    models = log_losses(evaluated.predicted.bands, bands[1700:]).mean()
    assert evidence.baseline_difference.value == pytest.approx(models + np.log(shares[bands[1700:]]).mean())


def test_without_a_champion_there_is_nothing_to_compare_with(evidence: Evidence) -> None:
    assert evidence.champion_version is None and evidence.champion_difference is None


def test_a_champion_that_is_the_tested_model_itself_is_neither_better_nor_worse(
    by_time: Experiment, evaluated: EvaluatedModel, bundle: Bundle, tmp_path: Path
) -> None:
    """Not the final model, which has learnt from the test flights."""
    registry, version = champion_tested_from(bundle, tmp_path, FIRST_TEST_DAY)
    found = gather_evidence(by_time, evaluated, made_table(), registry)
    assert found.champion_version == version
    assert found.champion_difference is not None
    assert tuple(msgspec.structs.astuple(found.champion_difference)) == pytest.approx((0, 0, 0), abs=1e-5)


def test_only_test_flights_that_the_champion_was_not_trained_on_are_compared(
    by_time: Experiment, evaluated: EvaluatedModel, bundle: Bundle, tmp_path: Path
) -> None:
    """The challenger knows the bands of the first five days for certain, but the champion had learnt from them."""
    registry, _ = champion_tested_from(bundle, tmp_path, datetime(2023, 4, 2))
    bands = evaluated.predicted.bands.copy()
    bands[:100] = np.eye(5)[by_time.dataset.bands[1700:1800]]
    knowing = replace(evaluated, predicted=Predicted(bands, evaluated.predicted.quantiles))
    found = gather_evidence(by_time, knowing, made_table(), registry)
    assert found.champion_difference is not None
    assert found.champion_difference.value == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("test_from", "flights", "compared"),
    [(datetime(2023, 4, 2, 5, 0), 200, True), (datetime(2023, 4, 2, 5, 1), 199, False)],
)
def test_fewer_than_two_hundred_flights_are_too_few_to_compare_on(
    by_time: Experiment,
    evaluated: EvaluatedModel,
    bundle: Bundle,
    tmp_path: Path,
    test_from: datetime,
    flights: int,
    compared: bool,
) -> None:
    assert (by_time.dataset.flights["scheduled_departure"] >= test_from).sum() == flights
    registry, version = champion_tested_from(bundle, tmp_path, test_from)
    found = gather_evidence(by_time, evaluated, made_table(), registry)
    assert found.champion_version == (version if compared else None)
    assert isinstance(found.champion_difference, Measure) is compared


def test_every_feature_is_ranked_alone_and_none_of_the_made_ones_gives_the_outcome_away(
    evidence: Evidence,
) -> None:
    assert tuple(evidence.feature_auc) == COLUMNS
    assert 0.5 < max(evidence.feature_auc.values()) < 0.8


def test_what_happens_in_the_test_moves_the_baseline_but_no_feature_alone(
    by_time: Experiment, evaluated: EvaluatedModel, evidence: Evidence, tmp_path: Path
) -> None:
    other = an_hour_late_from(by_time, FIRST_TEST_DAY)
    found = gather_evidence(other, evaluated, made_table(), Registry(tmp_path))
    assert found.feature_auc == evidence.feature_auc
    assert found.baseline_difference != evidence.baseline_difference


def test_a_feature_that_gives_the_outcome_away_ranks_the_validation_without_a_fault(
    by_time: Experiment, evaluated: EvaluatedModel, evidence: Evidence, tmp_path: Path
) -> None:
    dataset = by_time.dataset
    leaking = Dataset(dataset.flights, dataset.rule, dataset.seed)
    leaking.uncoded[:, COLUMNS.index("distance_km")] = dataset.late
    found = gather_evidence(
        replace(by_time, dataset=leaking), evaluated, made_table(), Registry(tmp_path)
    ).feature_auc
    assert found["distance_km"] == 1.0 > evidence.feature_auc["distance_km"]


def test_a_champion_that_cannot_be_read_stops_no_training_and_is_compared_with_by_nobody(
    by_time: Experiment, evaluated: EvaluatedModel, tmp_path: Path
) -> None:
    (tmp_path / "model_to_deploy").write_text("00000000000000aa\n")
    evidence = gather_evidence(by_time, evaluated, made_table(), Registry(tmp_path))
    assert (evidence.champion_version, evidence.champion_difference) == (None, None)
    (tmp_path / "00000000000000aa.puntual").write_bytes(b"a bundle of another release")
    evidence = gather_evidence(by_time, evaluated, made_table(), Registry(tmp_path))
    assert (evidence.champion_version, evidence.champion_difference) == (None, None)
