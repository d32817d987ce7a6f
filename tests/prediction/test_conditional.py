"""What is known of the flight itself changes its prediction, and never to one that has passed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.flights.flight import BAND_STARTS, LateRule
from puntual.prediction.calibration import DelayShape
from puntual.prediction.conditional import Overdue, given_cancelled, given_delay

SHAPE = DelayShape(
    np.linspace([-10, 15, 30, 60, 120], [15, 30, 60, 120, 240], 21, axis=1),
    np.array([2.5, 22.5, 45, 90, 180]),
)
BANDS = np.array([0.6, 0.15, 0.1, 0.1, 0.05])


def test_a_flight_forty_minutes_overdue_is_never_on_time() -> None:
    outlook = Overdue(SHAPE).outlook(BANDS, 40)
    assert outlook.bands[:2].tolist() == [0, 0]
    assert outlook.late_probability == pytest.approx(1)
    # Two thirds of the band that it is in lie ahead.
    assert outlook.bands[2:] == pytest.approx(np.array([0.1 * 2 / 3, 0.1, 0.05]) / (0.1 * 2 / 3 + 0.15))
    assert outlook.quantiles.min() >= 40


def test_a_flight_that_is_only_just_overdue_may_still_be_on_time() -> None:
    outlook = Overdue(SHAPE).outlook(BANDS, 2.5)
    assert outlook.bands[0] == pytest.approx(0.3 / 0.7)


def test_beyond_the_last_band_it_is_in_the_last_band() -> None:
    outlook = Overdue(SHAPE).outlook(np.array([1.0, 0, 0, 0, 0]), 300)
    assert outlook.bands.tolist() == [0, 0, 0, 0, 1]
    assert outlook.expected_minutes >= 300


@given(
    st.lists(st.floats(0.001, 1), min_size=5, max_size=5),
    st.floats(1, 500),
    st.floats(0, 300),
)
def test_waiting_makes_no_flight_more_likely_on_time(
    weights: list[float], minutes: float, more: float
) -> None:
    bands = np.array(weights) / sum(weights)
    overdue = Overdue(SHAPE)
    before, after = overdue.outlook(bands, minutes), overdue.outlook(bands, minutes + more)
    for outlook, waited in ((before, minutes), (after, minutes + more)):
        assert outlook.bands.sum() == pytest.approx(1)
        assert not outlook.bands[:4][np.array(BAND_STARTS) <= waited].any()
        assert outlook.quantiles[0] >= waited - 1e-9
        assert outlook.expected_minutes >= waited - 1e-9
    assert after.late_probability >= before.late_probability - 1e-12


def test_what_has_left_is_certain_by_the_rule_of_the_publisher() -> None:
    assert given_delay(15, LateRule.MORE_THAN_15).late_probability == 0
    assert given_delay(15, LateRule.FROM_15).late_probability == 1
    assert given_delay(-4, LateRule.FROM_15).expected_minutes == -4
    assert given_delay(61, LateRule.FROM_15).quantiles.tolist() == [61, 61, 61]


def test_what_was_cancelled_is_in_the_last_band() -> None:
    assert given_cancelled(SHAPE).bands.tolist() == [0, 0, 0, 0, 1]
