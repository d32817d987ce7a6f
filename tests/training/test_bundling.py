"""From what was trained to a bundle: what its manifest says, and what its tables hold."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from experiments_made import made_table
from flights_made import flights_of
from puntual.features.vector import COLUMNS
from puntual.flights.flight import LateRule
from puntual.prediction.calibration import from_table
from puntual.prediction.predictor import Predictor
from puntual.registry import REQUIRED_TABLES, Bundle, from_bytes, to_bytes
from puntual.training.backtesting import EvaluatedModel
from puntual.training.bundling import _histogram, make_bundle, split_info, unlisted_airports
from puntual.training.dataset import Dataset
from puntual.training.experiment import Experiment, Options
from puntual.training.fitting import FittedModel
from puntual.training.onnx_export import TOLERANCE

SINCE_EPOCH = date(1970, 1, 1)


def test_the_manifest_says_of_what_flights_the_model_is(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert manifest.period == (datetime(2023, 1, 2, 5, 0), datetime(2023, 4, 11, 23, 55))
    assert manifest.history_until == date(2023, 4, 11)
    assert manifest.airports == ("EWR", "JFK")
    assert (manifest.source, manifest.data_digest) == ("table", made_table().digest)
    assert manifest.late_rule is LateRule.FROM_15


def test_the_manifest_says_how_the_model_was_chosen_and_when(
    bundle: Bundle, evaluated: EvaluatedModel
) -> None:
    manifest = bundle.manifest
    assert (manifest.candidate, manifest.treatment, manifest.preset) == ("lightgbm", "none", "standard")
    assert (manifest.threshold, manifest.threshold_rule) == (evaluated.threshold, "miss=5")
    assert manifest.created == datetime(2026, 1, 1, tzinfo=UTC)
    assert manifest.scores == evaluated.scores


def test_each_part_of_a_split_by_time_ends_a_minute_after_its_last_flight(by_time: Experiment) -> None:
    info = split_info(by_time)
    assert (info.kind, info.train_rows, info.validation_rows, info.test_rows) == ("time", 1400, 300, 300)
    assert (info.train_from, info.train_until) == (datetime(2023, 1, 2, 5), datetime(2023, 3, 12, 23, 56))
    assert info.validation_until == datetime(2023, 3, 27, 23, 56)
    assert (info.test_from, info.test_until) == (datetime(2023, 3, 28, 5), datetime(2023, 4, 11, 23, 56))


def test_the_agreement_is_measured_under_each_condition_of_knowledge(
    bundle: Bundle, final: FittedModel
) -> None:
    """2,000 flights with history, which lack a value here and there, and twice without, which all do."""
    agreement = bundle.manifest.agreement
    lacking = np.isnan(final.vectors.full(np.arange(2000))).any(axis=1).sum()
    assert (agreement.rows, agreement.rows_with_missing) == (6000, 4000 + lacking)
    assert 20 <= lacking < 2000
    assert agreement.largest_difference <= TOLERANCE
    assert list(agreement.candidates) == ["lightgbm:none"]


def test_the_tested_model_is_kept_beside_the_final_one_with_what_it_had_learnt(
    bundle: Bundle, evaluated: EvaluatedModel, final: FittedModel
) -> None:
    assert bundle.tested is not None and bundle.tested != bundle.experts
    assert from_table(bundle.tables["tested_calibration"]) == evaluated.fitted.calibration
    assert from_table(bundle.tables["calibration"]) == final.calibration != evaluated.fitted.calibration


def test_a_final_model_that_is_the_tested_one_is_kept_once(
    bundle: Bundle, by_time: Experiment, evaluated: EvaluatedModel
) -> None:
    now, evidence = bundle.manifest.created, bundle.manifest.evidence
    once = make_bundle(by_time, evaluated, evaluated.fitted, (), evidence, made_table(), Options(), now)
    assert once.tested is None and once.experts == bundle.tested
    assert from_table(once.tables["calibration"]) == evaluated.fitted.calibration


def test_a_bundle_has_every_table_that_a_prediction_needs_and_is_read_back_whole(bundle: Bundle) -> None:
    bundle = replace(bundle, card="# Card")
    assert set(bundle.tables) >= REQUIRED_TABLES
    version, content = to_bytes(bundle)
    again = from_bytes(content, version)
    assert (again.card, again.experts, again.tested) == ("# Card", bundle.experts, bundle.tested)


def test_the_bundle_answers_as_its_estimator(bundle: Bundle, by_time: Experiment, final: FittedModel) -> None:
    flights, rows = by_time.dataset.flights, np.arange(1900, 2000)
    answered = Predictor(replace(bundle, card="# Card"), threads=1).predict(
        flights[rows], past=flights, timetable_of=flights
    )
    estimated = final.predict(final.vectors.full(rows))
    np.testing.assert_allclose(answered.bands, estimated, atol=1e-5)


def test_what_left_after_the_midnight_of_the_last_day_is_not_known_by_its_close(
    bundle: Bundle, by_time: Experiment
) -> None:
    closing_day = (date(2023, 4, 11) - SINCE_EPOCH).days
    assert by_time.dataset.operations["day"].max() == closing_day + 1
    assert bundle.tables["history"]["day"].max() == closing_day


def test_the_reference_is_a_real_flight_in_the_middle_of_p_late(bundle: Bundle, final: FittedModel) -> None:
    vectors = final.vectors.full(np.arange(2000))
    reference = bundle.tables["reference"]["value"]
    (places,) = np.nonzero(((vectors == reference) | (np.isnan(vectors) & np.isnan(reference))).all(axis=1))
    assert len(places)
    p_late = final.predict(vectors)[:, 1:].sum(axis=1)
    assert (p_late < p_late[places[0]]).sum() <= 1000 <= (p_late <= p_late[places[0]]).sum()


def test_the_histogram_of_each_feature_counts_every_flight_once(bundle: Bundle) -> None:
    histograms = bundle.tables["histograms"]
    assert tuple(histograms["column"]) == COLUMNS
    np.testing.assert_array_equal(histograms["counts"].sum(axis=1) + histograms["missing"], 2000)
    # Nothing flew before the first day.
    assert histograms["missing"][COLUMNS.index("airport_late_rate_60d")] == 20


def test_a_histogram_lies_between_the_deciles() -> None:
    counts, edges = _histogram(np.arange(100.0))
    assert edges.tolist() == pytest.approx([0, 9.9, 19.8, 29.7, 39.6, 49.5, 59.4, 69.3, 79.2, 89.1, 99])
    assert counts.tolist() == [10] * 10


@pytest.mark.parametrize(
    ("values", "counts", "edges"),
    [
        ([0.0] * 18 + [4.0, 8.0, 8.0], [18, 3], [0.0, 4.0, 8.0]),
        ([5.0] * 20, [20], [4.5, 5.5]),
        ([], [], []),
    ],
    ids=["mostly 0", "always 5", "never known"],
)
def test_where_deciles_coincide_there_are_fewer_bins(
    values: list[float], counts: list[int], edges: list[float]
) -> None:
    counted, between = _histogram(np.array(values))
    assert (counted.tolist(), between.tolist()) == (counts, edges)


def test_an_airport_that_nobody_lists_has_the_time_zone_of_flights_that_leave_from_it() -> None:
    """From QQQ a flight leaves, to ZZQ one only arrives; JFK and BOS are listed."""
    flights = flights_of(
        {"scheduled_departure": datetime(2023, 1, 2, 6), "origin": "QQQ", "time_zone": "America/Lima"},
        {"scheduled_departure": datetime(2023, 1, 2, 7), "destination": "ZZQ"},
        {"scheduled_departure": datetime(2023, 1, 2, 8)},
    )
    table = unlisted_airports(Dataset(flights, LateRule.FROM_15))
    assert dict(zip(table["code"].tolist(), table["time_zone"].tolist(), strict=True)) == {
        "QQQ": "America/Lima",
        "ZZQ": "",
    }
