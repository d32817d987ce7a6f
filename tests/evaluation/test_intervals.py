"""Intervals over days, calibration over bins of equal mass, curves, and thresholds by cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puntual.errors import CostError, NotEnoughFlightsError, PuntualError
from puntual.evaluation import (
    Capacity,
    Cost,
    Outcomes,
    Precision,
    Predicted,
    best_threshold,
    curves,
    paired_difference,
    parse_cost,
    roc_auc,
    score,
)

SEEDS = st.integers(0, 10_000)


def predict_late(p_late):
    return Predicted(np.column_stack([1 - p_late, *[p_late / 4] * 4]), np.zeros((len(p_late), 3)))


def outcomes_of(late, day=None):
    band = np.asarray(late).astype(np.int8)
    day = np.arange(len(band)) if day is None else day
    return Outcomes(band, np.zeros(len(band)), day.astype(np.int32))


def width(measure):
    return measure.high - measure.low


def test_days_with_one_fate_give_wider_intervals_than_flights_with_their_own():
    chance = np.random.default_rng(1)
    late = np.repeat(chance.random(40) < 0.3, 50)
    predicted, day = predict_late(np.full(2000, 0.3)), np.repeat(np.arange(40), 50)
    together = score(outcomes_of(late, day), predicted, 0.5).brier
    apart = score(outcomes_of(late), predicted, 0.5).brier
    assert width(together) > 4 * width(apart)
    # 40 independent days, each worth .16 or -.16 around the middle: half the width is 1.96 standard errors.
    half = 1.96 * np.std(np.where(late, 0.49, 0.09)) / np.sqrt(40)
    assert width(together) / 2 == pytest.approx(half, rel=0.25)


def test_nineteen_of_twenty_intervals_hold_the_truth():
    held = 0
    for seed in range(200):
        loss = np.random.default_rng(seed).normal(0.2, 1, 60).repeat(5)
        difference = paired_difference(loss, np.zeros(300), np.arange(60).repeat(5), rounds=200, seed=seed)
        held += difference.low <= 0.2 <= difference.high
    assert 180 <= held <= 198


def test_the_same_seed_draws_the_same_interval():
    chance = np.random.default_rng(2)
    losses, day = chance.random((2, 100)), np.arange(100) // 5
    assert paired_difference(*losses, day, seed=4) == paired_difference(*losses, day, seed=4)
    assert paired_difference(*losses, day, seed=4) != paired_difference(*losses, day, seed=5)


def test_a_loss_minus_itself_is_nothing():
    loss = np.array([0.4, 0.1, 2.0])
    difference = paired_difference(loss, loss, np.array([1, 1, 2]))
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_swapping_two_losses_mirrors_their_difference():
    chance = np.random.default_rng(3)
    a, b, day = chance.random(50), chance.random(50), np.arange(50) // 5
    there, back = paired_difference(a, b, day), paired_difference(b, a, day)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_a_single_day_draws_flights_since_it_has_no_other_days():
    difference = paired_difference(np.arange(20.0), np.zeros(20), np.full(20, 17_000))
    assert difference.low < difference.value < difference.high


def test_losses_of_other_flights_are_not_paired():
    with pytest.raises(ValueError, match="2 and 1 losses and 2 days; expected one of each per flight"):
        paired_difference(np.zeros(2), np.zeros(1), np.zeros(2, int))
    with pytest.raises(NotEnoughFlightsError, match="0 flights to compare on"):
        paired_difference(np.zeros(0), np.zeros(0), np.zeros(0, int))


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_calibrated_probabilities_have_a_small_calibration_error(seed):
    chance = np.random.default_rng(seed)
    p_late = chance.beta(2, 5, 20_000)
    error = score(outcomes_of(chance.random(20_000) < p_late), predict_late(p_late), 0.5, rounds=20).ece
    assert error.value < 0.02
    assert 0 <= error.low <= error.value <= error.high


def test_probabilities_that_are_a_tenth_too_high_have_a_calibration_error_of_a_tenth():
    chance = np.random.default_rng(5)
    p_late = chance.uniform(0.2, 0.8, 40_000)
    error = score(outcomes_of(chance.random(40_000) < p_late - 0.1), predict_late(p_late), 0.5).ece
    assert error.value == pytest.approx(0.1, abs=0.01)
    assert 0.09 < error.low < error.high < 0.11


def test_the_interval_of_the_calibration_error_reaches_below_what_chance_alone_adds():
    chance = np.random.default_rng(6)
    p_late = chance.beta(2, 5, 1500)
    error = score(outcomes_of(chance.random(1500) < p_late), predict_late(p_late), 0.5).ece
    assert error.low < 0.5 * error.value


def test_calibration_error_of_two_probabilities_is_worked_out_by_hand():
    late = np.array([True] * 30 + [False] * 70 + [True] * 60 + [False] * 40)
    p_late = np.repeat([0.2, 0.9], 100)
    assert score(outcomes_of(late), predict_late(p_late), 0.5, rounds=1).ece.value == pytest.approx(
        0.5 * 0.1 + 0.5 * 0.3
    )


def test_the_curves_are_thin_and_start_and_end_where_they_should():
    chance = np.random.default_rng(7)
    p_late = chance.random(5000)
    drawn = curves(outcomes_of(chance.random(5000) < p_late), predict_late(p_late))
    assert (drawn.roc.x[0], drawn.roc.y[0], drawn.roc.x[-1], drawn.roc.y[-1]) == (0, 0, 1, 1)
    assert drawn.precision_recall.x[-1] == 1
    assert 100 < len(drawn.roc.x) <= 200
    assert 100 < len(drawn.precision_recall.x) <= 200


def test_the_area_under_the_thinned_roc_curve_is_the_roc_auc():
    chance = np.random.default_rng(8)
    p_late = chance.random(5000).round(2)
    late = chance.random(5000) < p_late
    roc = curves(outcomes_of(late), predict_late(p_late)).roc
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(roc_auc(p_late, late), abs=1e-3)


def test_reliability_bins_hold_every_flight_once_and_their_late_rate():
    chance = np.random.default_rng(9)
    p_late = chance.random(3000)
    late = chance.random(3000) < p_late
    bins = curves(outcomes_of(late), predict_late(p_late)).reliability
    assert [one.flights for one in bins] == [200] * 15
    assert np.mean([one.observed for one in bins]) == pytest.approx(late.mean())
    assert all(one.low < one.observed < one.high for one in bins)
    assert sum(one.low < one.predicted < one.high for one in bins) >= 12


def test_curves_without_late_flights_are_not_drawn():
    drawn = curves(outcomes_of([False] * 4), predict_late(np.full(4, 0.1)))
    assert (drawn.roc, drawn.precision_recall) == (None, None)
    assert drawn.reliability[0].observed == 0
    all_late = curves(outcomes_of([True] * 4), predict_late(np.full(4, 0.1)))
    assert all_late.roc is None
    assert all_late.precision_recall.y == [1.0]


def f1_at(late, p_late, threshold):
    labelled = p_late >= threshold
    return 2 * (labelled & late).sum() / (labelled.sum() + late.sum())


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_no_other_threshold_has_a_higher_f1(seed):
    chance = np.random.default_rng(seed)
    p_late, late = chance.random(60).round(1), chance.random(60) < 0.3
    late[0] = True
    chosen = f1_at(late, p_late, best_threshold(late, p_late, "f1"))
    assert chosen >= max(f1_at(late, p_late, threshold) for threshold in np.linspace(0, 1, 101)) - 1e-12


@given(SEEDS, st.floats(0.1, 10), st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_no_other_threshold_costs_less(seed, false_alarm, miss):
    chance = np.random.default_rng(seed)
    p_late, late = chance.random(60).round(1), chance.random(60) < 0.3
    late[0] = True

    def paid(threshold):
        labelled = p_late >= threshold
        return false_alarm * (labelled & ~late).sum() + miss * (~labelled & late).sum()

    chosen = paid(best_threshold(late, p_late, Cost(false_alarm=false_alarm, miss=miss)))
    assert chosen <= min(paid(threshold) for threshold in np.linspace(0, 1.1, 111)) + 1e-9


# Twenty flights, the probabilities falling: of the first five three are late, of the first ten five, of all six.
P_LATE = np.linspace(0.95, 0.0, 20)
LATE = np.isin(np.arange(20), [0, 2, 4, 7, 9, 19])


def called_late(rule) -> int:
    return int((best_threshold(LATE, P_LATE, rule) <= P_LATE).sum())


def test_by_default_as_many_flights_are_called_late_as_are():
    threshold = best_threshold(LATE, P_LATE)
    called = threshold <= P_LATE
    assert called.sum() == LATE.sum() == 6
    precision, recall = (called & LATE).sum() / called.sum(), (called & LATE).sum() / LATE.sum()
    assert precision == recall == 0.5
    assert called_late("f1") == 10


def test_a_precision_calls_as_many_flights_late_as_keep_it():
    assert called_late(Precision(0.6)) == 5
    assert called_late(Precision(0.5)) == 10
    assert called_late(Precision(0.3)) == 20


def test_a_precision_that_no_threshold_reaches_calls_no_flight_late():
    late, p_late = np.array([False, True, False]), np.array([0.9, 0.5, 0.1])
    assert best_threshold(late, p_late, Precision(0.8)) > 1


def test_a_capacity_calls_no_larger_share_of_flights_late():
    assert called_late(Capacity(0.1)) == 2
    assert called_late(Capacity(0.14)) == 2
    assert called_late(Capacity(1.0)) == 20


def test_flights_as_likely_as_one_another_are_all_called_late_or_none():
    late, p_late = np.array([True, True, False, False]), np.array([0.5, 0.5, 0.5, 0.1])
    assert best_threshold(late, p_late, Capacity(0.5)) > 1


def test_a_dearer_miss_lowers_the_threshold_to_where_calibrated_odds_say():
    chance = np.random.default_rng(10)
    p_late = chance.random(200_000)
    late = chance.random(200_000) < p_late
    # Labelling pays where p × miss > (1 − p) × false alarm.
    assert best_threshold(late, p_late, Cost(miss=4)) == pytest.approx(1 / 5, abs=0.03)
    assert best_threshold(late, p_late, Cost(false_alarm=4)) == pytest.approx(4 / 5, abs=0.03)


def test_where_every_alarm_costs_too_much_nobody_is_labelled():
    late, p_late = np.array([False, True]), np.array([1.0, 0.2])
    assert best_threshold(late, p_late, Cost(false_alarm=100)) > 1


def test_a_threshold_lies_midway_so_that_rounding_changes_no_label():
    late, p_late = np.array([False, True, True]), np.array([0.1, 0.3, 0.5])
    assert best_threshold(late, p_late, "f1") == pytest.approx(0.2)
    everybody = np.array([True, True])
    assert best_threshold(everybody, np.array([0.3, 0.5]), "f1") == pytest.approx(0.15)


def test_neighbouring_probabilities_are_still_told_apart():
    low, high = 0.3, np.nextafter(0.3, 1)
    threshold = best_threshold(np.array([False, True]), np.array([low, high]))
    assert low < threshold <= high


def test_a_threshold_needs_a_late_flight():
    with pytest.raises(
        NotEnoughFlightsError, match="0 of 2 flights are late; a threshold needs at least one"
    ):
        best_threshold(np.array([False, False]), np.array([0.1, 0.2]))


def test_a_cost_is_read_from_text():
    assert parse_cost("F1") == "f1"
    assert parse_cost("miss=5,false_alarm=1") == Cost(miss=5, false_alarm=1)
    assert parse_cost(" false_alarm = 2.5 ") == Cost(false_alarm=2.5, miss=1)
    assert parse_cost("balanced") == "balanced"
    assert parse_cost("precision=0.4") == parse_cost("precision=40%") == Precision(0.4)
    assert parse_cost("capacity=10%") == Capacity(0.1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("missed=5", r"cost 'missed=5': 'missed' is no part of a cost; did you mean 'miss'\?"),
        ("miss", "miss is '', not a number"),
        ("miss=often", "miss is 'often', not a number"),
        ("miss=-1", "miss is -1, not a number above zero"),
        ("miss=nan", "not a number above zero"),
        ("miss=1,miss=2", "a part is given twice"),
        ("", "'' is no part of a cost"),
        ("capacity=110%", "capacity is 110%, not a share: above 0 and at most 1, or 100%"),
        ("precision=40", "precision is 40, not a share"),
        ("precision=0.4,miss=5", "precision stands alone"),
    ],
)
def test_a_cost_that_cannot_be_read_says_why_and_how_to_write_it(text, why):
    with pytest.raises(
        CostError,
        match=why
        + ".*; write balanced, f1, precision=0.4, capacity=10% or, for example, miss=5,false_alarm=1",
    ) as caught:
        parse_cost(text)
    assert isinstance(caught.value, PuntualError)
    assert isinstance(caught.value, ValueError)
