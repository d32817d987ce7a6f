"""Every score agrees with scikit-learn's to 1e-9, ties included, and behaves as its name promises."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    mean_pinball_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation import (
    Evaluation,
    Outcomes,
    Predicted,
    baseline_bands,
    log_losses,
    roc_auc,
    score,
)
from puntual.evaluation.bootstrap import Draws, draw
from puntual.evaluation.ranking import CHUNK_CELLS, rank
from puntual.flights.flight import BAND_COUNT

SEEDS = st.integers(0, 10_000)


def sample(seed=0, flights=600, days=20, decimals=None):
    """Calibrated predictions of made flights; `decimals` rounds P(late), which makes ties."""
    chance = np.random.default_rng(seed)
    p_late = chance.beta(2, 5, flights)
    if decimals is not None:
        p_late = p_late.round(decimals)
    late = chance.random(flights) < p_late
    band = np.where(late, chance.integers(1, BAND_COUNT, flights), 0).astype(np.int8)
    delay = np.where(late, 15 + chance.exponential(40, flights), chance.normal(0, 5, flights))
    delay[(band == 4) & (chance.random(flights) < 0.3)] = np.nan
    day = np.sort(chance.integers(17_000, 17_000 + days, flights)).astype(np.int32)
    return Outcomes(band, delay, day), predict_late(p_late)


def predict_late(p_late, quantiles=(0.0, 20.0, 90.0)):
    bands = np.column_stack([1 - p_late, *[p_late / 4] * 4])
    return Predicted(bands, np.tile(np.array(quantiles), (len(p_late), 1)))


def outcomes_of(late):
    late = np.array(late, dtype=bool)
    delay = np.where(late, 40.0, 0.0)
    return Outcomes(np.where(late, 2, 0).astype(np.int8), delay, np.arange(len(late), dtype=np.int32))


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("seed", range(3))
def test_every_score_agrees_with_scikit_learn(seed, decimals):
    outcomes, predicted = sample(seed, decimals=decimals)
    late, p_late, departed = outcomes.late, predicted.late_probability, ~np.isnan(outcomes.delay)
    pinballs = [
        mean_pinball_loss(outcomes.delay[departed], predicted.quantiles[departed, column], alpha=level)
        for column, level in enumerate((0.5, 0.8, 0.95))
    ]
    precision, recall, f1, _ = precision_recall_fscore_support(late, p_late >= 0.3, average="binary")

    scores = score(outcomes, predicted, 0.3, rounds=2)

    expected = {
        "roc_auc": roc_auc_score(late, p_late),
        "average_precision": average_precision_score(late, p_late),
        "brier": brier_score_loss(late, p_late),
        "brier_skill": 1 - brier_score_loss(late, p_late) / brier_score_loss(late, late * 0 + late.mean()),
        "log_loss": log_loss(outcomes.band, np.clip(predicted.bands, 1e-15, 1), labels=range(5)),
        "log_loss_late": log_loss(late, p_late),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "pinball_p50": pinballs[0],
        "pinball_p80": pinballs[1],
        "pinball_p95": pinballs[2],
        "pinball": np.mean(pinballs),
    }
    measured = {name: getattr(scores, name).value for name in expected}
    assert measured == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("decimals", [None, 1])
def test_each_round_of_the_bootstrap_agrees_with_scikit_learn_on_the_repeated_flights(decimals):
    outcomes, predicted = sample(decimals=decimals)
    draws = draw(outcomes.day, rounds=5, seed=3)
    ranks = rank(predicted.late_probability, outcomes.late, draws)

    for row, weights in enumerate(draws.weights):
        times = weights[draws.block]
        late, p_late = outcomes.late, predicted.late_probability
        assert ranks.roc_auc[row] == pytest.approx(roc_auc_score(late, p_late, sample_weight=times), abs=1e-9)
        precision = average_precision_score(late, p_late, sample_weight=times)
        assert ranks.average_precision[row] == pytest.approx(precision, abs=1e-9)


def test_rounds_that_are_measured_together_are_measured_as_if_alone():
    outcomes, predicted = sample(flights=20_000)
    draws = draw(outcomes.day, rounds=30, seed=0)
    together = rank(predicted.late_probability, outcomes.late, draws)
    assert len(draws.weights) * len(outcomes) > 2 * CHUNK_CELLS
    for row in (0, 13, 30):
        alone = rank(
            predicted.late_probability, outcomes.late, Draws(draws.block, draws.weights[row : row + 1])
        )
        assert together.roc_auc[row] == pytest.approx(alone.roc_auc[0], abs=1e-12)
        assert together.average_precision[row] == pytest.approx(alone.average_precision[0], abs=1e-12)
        assert together.lift[row] == pytest.approx(alone.lift[0], abs=1e-12)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_roc_auc_keeps_under_any_rising_transform(seed):
    chance = np.random.default_rng(seed)
    scores, late = chance.integers(0, 30, 80) / 30, chance.random(80) < 0.4
    late[:2] = True, False
    assert roc_auc(np.exp(3 * scores) - 7, late) == roc_auc(scores, late)
    assert roc_auc(-scores, late) == pytest.approx(1 - roc_auc(scores, late))


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_order_of_the_flights_changes_no_score(seed):
    outcomes, predicted = sample(seed, flights=250, decimals=1)
    shuffled = np.random.default_rng(seed).permutation(len(outcomes))
    again = score(outcomes.only(shuffled), predicted.only(shuffled), 0.3, rounds=5)
    ours = msgspec.to_builtins(score(outcomes, predicted, 0.3, rounds=5))
    for name, measured in msgspec.to_builtins(again).items():
        assert measured == pytest.approx(ours[name], abs=1e-9), name


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_precision_recall_and_f1_stay_between_none_and_all(seed, threshold):
    outcomes, predicted = sample(seed, flights=60)
    scores = score(outcomes, predicted, threshold, rounds=10)
    for measured in (scores.precision, scores.recall, scores.f1, scores.roc_auc, scores.average_precision):
        if measured is not None:
            assert 0 <= measured.low <= measured.high <= 1
            assert 0 <= measured.value <= 1
    if scores.precision and scores.recall and scores.f1:
        low, high = sorted([scores.precision.value, scores.recall.value])
        assert low - 1e-12 <= scores.f1.value <= high + 1e-12


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_band_a_permutation_names_is_the_band_that_is_scored(seed):
    chance = np.random.default_rng(seed)
    bands, band = chance.dirichlet(np.ones(BAND_COUNT), 50), chance.integers(0, BAND_COUNT, 50)
    order = chance.permutation(BAND_COUNT)
    np.testing.assert_array_equal(
        log_losses(bands[:, order], np.argsort(order)[band]), log_losses(bands, band)
    )


def test_a_band_thought_impossible_costs_no_more_than_the_logarithm_of_1e_15():
    assert log_losses(np.array([[1.0, 0, 0, 0, 0]]), np.array([4])) == pytest.approx([-np.log(1e-15)])


@given(SEEDS, st.sampled_from([(0, 0.5, "pinball_p50"), (1, 0.8, "pinball_p80"), (2, 0.95, "pinball_p95")]))
@settings(max_examples=25, deadline=None)
def test_the_true_quantile_has_the_least_pinball_loss(seed, chosen):
    column, level, name = chosen
    delay = np.random.default_rng(seed).exponential(30, 400)
    outcomes = Outcomes((delay > 15).astype(np.int8), delay, np.arange(400, dtype=np.int32))

    def loss(minutes):
        guess = [0.0, 0.0, 0.0]
        guess[column] = minutes
        return getattr(score(outcomes, predict_late(np.full(400, 0.5), guess), 0.5, rounds=1), name).value

    best = loss(np.quantile(delay, level, method="inverted_cdf"))
    assert best <= min(loss(minutes) for minutes in np.linspace(0, delay.max(), 15)) + 1e-9


def test_a_cancelled_flight_counts_in_the_bands_and_not_in_the_pinball_loss():
    outcomes = Outcomes(np.array([0, 4], np.int8), np.array([10.0, np.nan]), np.array([1, 2], np.int32))
    scores = score(outcomes, predict_late(np.array([0.2, 0.8]), (0, 0, 0)), 0.5, rounds=1)
    assert scores.late_rate == 0.5
    assert scores.pinball_p80.value == pytest.approx(0.8 * 10)


def test_lift_is_the_late_rate_of_the_top_tenth_over_the_late_rate_of_all():
    outcomes = outcomes_of([True] * 4 + [False] * 16)
    ranked = predict_late(np.linspace(0.9, 0.1, 20))
    assert score(outcomes, ranked, 0.5, rounds=1).lift.value == pytest.approx(5.0)
    assert score(outcomes, predict_late(np.full(20, 0.2)), 0.5, rounds=1).lift.value == pytest.approx(1.0)


def test_always_predicting_the_late_rate_has_no_brier_skill():
    outcomes = outcomes_of([True, False, False, False])
    assert score(outcomes, predict_late(np.full(4, 0.25)), 0.5, rounds=1).brier_skill.value == pytest.approx(
        0
    )


def test_a_table_without_late_flights_still_has_a_brier_score_and_is_valid_json():
    scores = score(outcomes_of([False] * 10), predict_late(np.full(10, 0.1)), 0.5)
    assert scores.brier.value == pytest.approx(0.01)
    unknown = (scores.roc_auc, scores.average_precision, scores.brier_skill, scores.lift, scores.recall)
    assert unknown == (None,) * 5
    assert b'"roc_auc":null' in msgspec.json.encode(scores)


def test_a_table_of_cancelled_flights_has_no_pinball_loss():
    outcomes = Outcomes(np.array([4, 4], np.int8), np.full(2, np.nan), np.array([1, 2], np.int32))
    assert score(outcomes, predict_late(np.full(2, 0.5)), 0.5).pinball is None


def test_no_flights_are_not_enough():
    nothing = Outcomes(np.empty(0, np.int8), np.empty(0), np.empty(0, np.int32))
    with pytest.raises(NotEnoughFlightsError, match="0 flights to score; at least one is needed"):
        score(nothing, Predicted(np.empty((0, 5)), np.empty((0, 3))), 0.5)


@pytest.mark.parametrize("first", [[0.5, 0.1, 0.1, 0.1, 0.1], [1.2, -0.2, 0, 0, 0], [np.nan, 0, 0, 0, 1]])
def test_what_is_no_distribution_is_refused(first):
    predicted = Predicted(np.array([first]), np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"bands of flight 0 are .*expected probabilities that add up to 1"):
        score(outcomes_of([True]), predicted, 0.5)


def test_a_flight_without_quantiles_is_refused():
    predicted = predict_late(np.full(2, 0.5), (0.0, np.nan, 90.0))
    with pytest.raises(ValueError, match=r"quantiles of flight 0 are \[0.0, nan, 90.0\]; expected minutes"):
        score(outcomes_of([True, False]), predicted, 0.5)


def test_predictions_of_other_flights_are_refused():
    with pytest.raises(ValueError, match=r"bands has shape \(3, 5\), expected \(2, 5\)"):
        score(outcomes_of([True, False]), predict_late(np.full(3, 0.5)), 0.5)


def test_groups_are_scored_by_their_own_flights_and_sorted_with_numbers_by_size():
    outcomes, predicted = sample()
    month = np.array(["10", "2"])[np.arange(600) % 2]
    scores = score(outcomes, predicted, 0.3, rounds=30, groups={"month": month})
    assert [group.name for group in scores.by["month"]] == ["2", "10"]
    alone = score(outcomes.only(month == "2"), predicted.only(month == "2"), 0.3, rounds=30)
    assert scores.by["month"][0].roc_auc == alone.roc_auc
    assert sum(group.flights for group in scores.by["month"]) == scores.flights == 600


def test_a_group_with_punctual_flights_only_has_no_roc_auc():
    airline = np.array(["AA", "AA", "LA", "LA"])
    outcomes = outcomes_of([False, False, True, False])
    scores = score(outcomes, predict_late(np.array([0.1, 0.2, 0.8, 0.3])), 0.5, groups={"airline": airline})
    assert [group.roc_auc is None for group in scores.by["airline"]] == [True, False]


def test_group_names_of_other_flights_are_refused():
    with pytest.raises(ValueError, match="group 'hour' names 1 flights, expected 2"):
        score(
            outcomes_of([True, False]), predict_late(np.full(2, 0.5)), 0.5, groups={"hour": np.array(["7"])}
        )


def test_an_evaluation_survives_json():
    outcomes, predicted = sample()
    scores = score(outcomes, predicted, 0.3, rounds=5, groups={"half": np.repeat(["a", "b"], 300)})
    assert msgspec.json.decode(msgspec.json.encode(scores), type=Evaluation) == scores


def test_single_precision_predictions_are_scored_as_they_are():
    outcomes, predicted = sample()
    single = Predicted(predicted.bands.astype(np.float32), predicted.quantiles.astype(np.float32))
    ours, theirs = (score(outcomes, some, 0.3, rounds=2) for some in (single, predicted))
    assert ours.log_loss.value == pytest.approx(theirs.log_loss.value, abs=1e-6)


def test_the_baseline_gives_every_flight_the_band_frequencies_of_training():
    bands = baseline_bands(np.array([0] * 89 + [4] * 6), flights=2)
    np.testing.assert_allclose(bands, [[0.90, 0.01, 0.01, 0.01, 0.07]] * 2)
