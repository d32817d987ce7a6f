"""Every numbered check passes what it should, refuses what it should, and says why."""

import re
from datetime import datetime

import msgspec
import numpy as np
import pytest

from puntual.errors import GateRefusedError, NotEnoughFlightsError
from puntual.evaluation import Evaluation, GroupScores, Measure, Outcomes, Predicted, score
from puntual.evaluation.gate import CHECKS, FEATURE_ROWS, Evidence, check, feature_auc, refuse_if_failed


def evaluation(**changes):
    chance = np.random.default_rng(0)
    p_late = chance.beta(2, 5, 1000)
    late = chance.random(1000) < p_late
    bands = np.column_stack([1 - p_late, *[p_late / 4] * 4])
    outcomes = Outcomes(late.astype(np.int8), np.zeros(1000), np.arange(1000, dtype=np.int32) // 20)
    scores = score(outcomes, Predicted(bands, np.zeros((1000, 3))), 0.3, rounds=20)
    return msgspec.structs.replace(scores, **changes)


GOOD = Measure(0.70, 0.65, 0.75)
FAR_BELOW = Measure(0.50, 0.45, 0.54)


def group(name, flights=1000, late_rate=0.2, auc=GOOD):
    ours = msgspec.structs.asdict(evaluation(flights=flights, late_rate=late_rate, roc_auc=auc))
    return GroupScores(
        name=name, **{field: ours[field] for field in ours if field not in ("threshold", "by")}
    )


def evidence(**changes):
    sound = Evidence(
        test=evaluation(),
        train_until=datetime(2017, 7, 1),
        test_from=datetime(2017, 7, 1),
        baseline_difference=Measure(-0.05, -0.06, -0.04),
        feature_auc={"hour": 0.61, "month": 0.55},
        data_digest="sha256:abc",
    )
    return msgspec.structs.replace(sound, **changes)


def finding(number, *arguments):
    return next(one for one in check(*arguments) if one.number == number)


def test_sound_evidence_passes_all_seven_checks_in_order():
    findings = check(evidence(), champion=None)
    assert [one.number for one in findings] == [1, 2, 3, 4, 5, 6, 7] == sorted(CHECKS)
    assert all(one.passed and one.reason for one in findings)
    refuse_if_failed(findings, "v1")


def test_check_1_refuses_a_model_that_may_be_no_better_than_the_band_frequencies():
    assert finding(1, evidence(), None).passed
    unsure = finding(1, evidence(baseline_difference=Measure(-0.01, -0.03, 0.0)), None)
    assert not unsure.passed
    assert unsure.name == "better than base rates"
    assert unsure.reason == (
        "not measurably better than training's band frequencies (log loss -0.0100, interval [-0.0300, +0.0000] "
        "includes 0); train on more flights or with more features"
    )


def test_check_2_refuses_a_challenger_that_is_surely_worse_than_the_champion():
    even = evidence(champion_version="v1", champion_difference=Measure(0.001, -0.01, 0.01))
    worse = evidence(champion_version="v1", champion_difference=Measure(0.02, 0.01, 0.03))
    assert finding(2, even, "v1").passed
    assert not finding(2, worse, "v1").passed
    assert finding(2, worse, "v1").sentence == (
        "check 2 FAILED: measurably worse than the champion v1 (log loss +0.0200, interval [+0.0100, +0.0300] is "
        "above 0); keep the champion, or train on newer flights"
    )


def test_a_passed_check_2_says_how_it_passed():
    even = evidence(champion_version="v1", champion_difference=Measure(0.0012, -0.0011, 0.0035))
    better = evidence(champion_version="v1", champion_difference=Measure(-0.02, -0.03, -0.01))
    assert finding(2, even, "v1").sentence == (
        "check 2 passed: not measurably worse than the champion v1 "
        "(log loss +0.0012, interval [-0.0011, +0.0035] includes 0)"
    )
    assert "passed: measurably better than the champion v1 (" in finding(2, better, "v1").sentence


def test_no_passed_check_names_a_fault_as_if_it_had_been_there():
    for one in check(evidence(), None):
        assert one.passed
        assert not re.search(r"\b(not beaten|missing|refused|FAILED)\b", f"{one.name}: {one.sentence}")


def test_check_2_refuses_a_challenger_that_met_another_champion_than_the_one_deployed():
    met_v1 = evidence(champion_version="v1", champion_difference=Measure(-0.02, -0.03, -0.01))
    for unmet in (finding(2, met_v1, "v2"), finding(2, evidence(), "v2")):
        assert not unmet.passed
        assert "not compared with the champion" in unmet.reason
        assert "the champion v2 that is deployed; train where its bundle can be read" in unmet.reason


def test_check_2_has_nothing_to_say_without_a_champion_or_to_the_champion_itself():
    assert finding(2, evidence(), None).passed
    assert finding(2, evidence(), "v1", "v1").passed


def test_check_3_refuses_probabilities_that_are_surely_off():
    unsure = evaluation(ece=Measure(0.07, 0.05, 0.09))
    off = evaluation(ece=Measure(0.07, 0.051, 0.09))
    assert finding(3, evidence(test=unsure), None).passed
    refused = finding(3, evidence(test=off), None)
    assert not refused.passed
    assert "0.070 [0.051, 0.090] is measurably above the limit of 0.05; calibrate" in refused.reason
    assert "is not measurably above" in finding(3, evidence(test=unsure), None).reason


def test_check_4_refuses_a_test_that_starts_before_training_ends():
    stratified = evidence(train_until=datetime(2017, 12, 31), test_from=datetime(2017, 1, 1))
    assert finding(4, evidence(), None).passed
    refused = finding(4, stratified, None)
    assert not refused.passed
    assert "training ended 2017-12-31 00:00, after the test began 2017-01-01 00:00" in refused.reason
    assert "a random split shares each day's fate between the two" in refused.reason
    assert "day's fate" not in finding(4, evidence(), None).reason


def test_check_5_names_every_feature_that_alone_explains_too_much():
    refused = finding(5, evidence(feature_auc={"hour": 0.6, "dep_time": 0.93, "taxi": 0.8}), None)
    assert not refused.passed
    assert "'dep_time' 0.930, 'taxi' 0.800" in refused.reason
    assert "look for a leak" in refused.reason
    assert (
        "no single feature reaches a ROC AUC of 0.80; the strongest is 'hour' 0.610"
        in finding(5, evidence(), None).reason
    )
    assert finding(5, evidence(feature_auc={"hour": 0.799}), None).passed


def test_check_5_refuses_a_challenger_whose_features_were_never_ranked():
    assert not finding(5, evidence(feature_auc={}), None).passed


def judged(*groups):
    overall = evaluation(roc_auc=Measure(0.70, 0.69, 0.71), by={"airline": list(groups)})
    return finding(6, evidence(test=overall), None)


def test_check_6_names_a_large_group_that_falls_far_short():
    refused = judged(group("LA"), group("H2", auc=FAR_BELOW))
    assert not refused.passed
    assert (
        "1 of 2 groups are measurably below a ROC AUC of 0.550, 0.15 under the overall 0.700: airline H2 0.500"
        in refused.reason
    )
    assert "LA" not in refused.reason
    assert judged(group("LA"), group("H2", auc=Measure(0.5, 0.45, 0.55))).passed


@pytest.mark.parametrize(
    "small",
    [
        group("H2", flights=199, auc=FAR_BELOW),
        group("H2", flights=200, late_rate=29 / 200, auc=FAR_BELOW),
        group("H2", auc=None),
    ],
)
def test_check_6_judges_no_group_that_is_too_small_to_tell(small):
    assert judged(small).passed


def test_check_6_judges_from_200_flights_with_30_late_ones():
    assert not judged(group("H2", flights=200, late_rate=30 / 200, auc=FAR_BELOW)).passed


def test_check_6_has_nothing_to_compare_where_all_flights_were_punctual():
    assert finding(6, evidence(test=evaluation(roc_auc=None)), None).passed


@pytest.mark.parametrize("digest", [None, ""])
def test_check_7_refuses_a_model_of_unknown_data(digest):
    refused = finding(7, evidence(data_digest=digest), None)
    assert not refused.passed
    assert "is missing" in refused.reason
    assert "sha256:abc" in finding(7, evidence(), None).reason


def test_a_refusal_lists_every_failed_check_by_number_and_reason():
    findings = check(evidence(data_digest=None, baseline_difference=Measure(0.1, 0.0, 0.2)), None)
    with pytest.raises(GateRefusedError) as caught:
        refuse_if_failed(findings, "v7")
    message = str(caught.value)
    assert message.startswith("v7 failed 2 of 7 checks")
    assert (
        "check 1 FAILED: not measurably better than training's band frequencies (log loss +0.1000" in message
    )
    assert "check 7 FAILED: the digest of the training table is missing" in message
    assert "check 3" not in message


def test_evidence_survives_json():
    kept = evidence(test=evaluation(by={"airline": [group("LA")]}), champion_version="v1")
    again = msgspec.json.decode(msgspec.json.encode(kept), type=Evidence)
    assert again == kept
    assert isinstance(again.test, Evaluation)


def made_features(rows=6000, seed=0):
    """Late flights, with a leak, its mirror, a hump, noise, a rare low value and a telling gap."""
    chance = np.random.default_rng(seed)
    late = chance.random(rows) < 0.2
    leak = np.where(late, 10.0, 0.0) + chance.normal(0, 3, rows)
    columns = {
        "leak": leak,
        "mirror": -leak,
        "hump": np.where(late, 0.0, chance.choice([-1.0, 1.0], rows)) + chance.normal(0, 0.2, rows),
        "noise": chance.normal(size=rows),
        "rare": np.where(late & (chance.random(rows) < 0.1), 0.0, 1.0),
        "gap": np.where(late, np.nan, chance.normal(size=rows)),
        "unknown": np.full(rows, np.nan),
    }
    return np.column_stack(list(columns.values())).astype(np.float32), late, list(columns)


def test_a_feature_alone_is_ranked_whatever_its_shape():
    train, train_late, names = made_features()
    valid, valid_late, _ = made_features(seed=1)
    ranked = feature_auc(train, train_late, valid, valid_late, names)
    assert list(ranked) == names
    assert ranked["leak"] > 0.95
    assert ranked["mirror"] == pytest.approx(ranked["leak"], abs=0.01)
    assert ranked["hump"] > 0.95
    assert ranked["gap"] == 1
    assert ranked["noise"] == pytest.approx(0.5, abs=0.05)
    assert ranked["rare"] == pytest.approx(0.55, abs=0.02)
    assert ranked["unknown"] == 0.5


def test_a_golden_feature_that_is_found_is_refused_by_name():
    train, late, names = made_features()
    refused = finding(5, evidence(feature_auc=feature_auc(train, late, train, late, names)), None)
    assert not refused.passed
    assert "'leak'" in refused.reason
    assert "'noise'" not in refused.reason


def test_ranking_features_on_many_rows_takes_evenly_spaced_ones():
    train, late, names = made_features(rows=FEATURE_ROWS * 2)
    kept = np.linspace(0, len(late) - 1, FEATURE_ROWS).astype(int)
    by_hand = feature_auc(train[kept], late[kept], train[kept], late[kept], names)
    assert feature_auc(train, late, train, late, names) == by_hand


def test_features_cannot_be_ranked_without_late_flights():
    with pytest.raises(NotEnoughFlightsError, match="0 of 5 validation flights are late"):
        feature_auc(np.zeros((5, 1)), np.ones(5, bool), np.zeros((5, 1)), np.zeros(5, bool), ["hour"])
