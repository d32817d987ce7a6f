"""From five bands to minutes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from puntual.flights.flight import LateRule, band_of
from puntual.prediction import calibration
from puntual.prediction.calibration import DelayShape, learn_shape, softmax

bands_of_flights = arrays(np.float64, (9, 5), elements=st.floats(-12, 12)).map(softmax)
rules = pytest.mark.parametrize("rule", list(LateRule))


def shape(rule: LateRule, count: int = 20_000) -> DelayShape:
    """Learn from whole minutes, as sources tell them, a tenth of the latest cancelled."""
    chance = np.random.default_rng(0)
    delay = np.floor(chance.exponential(30, count) - 15)
    delay[delay > 150] = np.nan
    return learn_shape(delay, band_of(delay, np.isnan(delay), rule))


SHAPES = {rule: shape(rule) for rule in LateRule} | {"little": learn_shape(np.zeros(5), np.zeros(5, np.int8))}
shapes = st.sampled_from(list(SHAPES.values()))


@given(bands=bands_of_flights, learnt=shapes)
def test_a_quantile_is_not_below_a_lower_one(bands: np.ndarray, learnt: DelayShape) -> None:
    quantiles = learnt.quantile_minutes(bands)
    assert (np.diff(quantiles, axis=1) >= -1e-9).all()
    assert (quantiles >= learnt.quantiles.min()).all() and (quantiles <= learnt.quantiles.max()).all()


@rules
@given(p_late=st.floats(0.0, 1.0), rest=arrays(np.float64, 4, elements=st.floats(-3, 3)))
def test_the_eightieth_percentile_is_late_where_p_late_passes_a_fifth(rule, p_late, rest) -> None:
    bands = np.r_[1 - p_late, p_late * softmax(rest[np.newaxis])[0]][np.newaxis]
    p80 = SHAPES[rule].quantile_minutes(bands)[0, 1]
    if p_late < 0.2 - 1e-9:
        assert p80 <= 15 if rule is LateRule.MORE_THAN_15 else p80 < 15
    if p_late > 0.2 + 1e-9:
        assert p80 > 15 if rule is LateRule.MORE_THAN_15 else p80 >= 15


@rules
def test_a_certain_band_gives_minutes_within_it(rule: LateRule) -> None:
    learnt = SHAPES[rule]
    edges = [(-15, 15), (15, 30), (30, 60), (60, 120), (120, 150)]
    for row, (low, high) in zip(np.eye(5), edges, strict=True):
        assert low <= learnt.expected_minutes(row[np.newaxis])[0] <= high
        assert (learnt.quantile_minutes(row[np.newaxis]) >= low).all()
        assert (learnt.quantile_minutes(row[np.newaxis]) <= high).all()


@given(bands=bands_of_flights, learnt=shapes)
def test_the_expected_delay_lies_between_the_means_of_the_bands(
    bands: np.ndarray, learnt: DelayShape
) -> None:
    expected = learnt.expected_minutes(bands)
    assert (expected >= learnt.means.min() - 1e-9).all() and (expected <= learnt.means.max() + 1e-9).all()


@given(bands=bands_of_flights, learnt=shapes)
def test_moving_mass_to_a_later_band_lowers_no_quantile(bands: np.ndarray, learnt: DelayShape) -> None:
    later = bands.copy()
    later[:, 4] += later[:, 0] / 2
    later[:, 0] /= 2
    assert (learnt.quantile_minutes(later) >= learnt.quantile_minutes(bands) - 1e-9).all()


def test_the_shares_of_training_give_back_its_quantiles() -> None:
    delay = np.random.default_rng(2).gamma(2, 15, 50_000) - 10
    band = band_of(delay, np.zeros(len(delay), bool), LateRule.FROM_15)
    learnt, shares = learn_shape(delay, band), np.bincount(band, minlength=5)[np.newaxis] / len(band)
    np.testing.assert_allclose(
        learnt.quantile_minutes(shares)[0], np.quantile(delay, calibration.LEVELS), rtol=0.03
    )
    assert learnt.expected_minutes(shares)[0] == pytest.approx(delay.mean())


def test_a_band_that_training_hardly_saw_keeps_its_edges() -> None:
    assert SHAPES["little"].quantiles[:, [0, -1]].tolist() == [
        [-15, 15],
        [15, 30],
        [30, 60],
        [60, 120],
        [120, 240],
    ]


def test_no_flights_have_no_minutes() -> None:
    nothing = np.empty((0, 5))
    assert SHAPES["little"].quantile_minutes(nothing).shape == (0, 3)
    assert SHAPES["little"].expected_minutes(nothing).shape == (0,)


def test_a_shape_is_read_back_as_it_was_stored() -> None:
    learnt = SHAPES[LateRule.FROM_15]
    again = calibration.shape_from_table(calibration.shape_to_table(learnt))
    np.testing.assert_array_equal(again.quantiles, learnt.quantiles)
    np.testing.assert_array_equal(again.means, learnt.means)
