"""Several experts that answer in a state together: averaged as logarithms, the day before as if it had been asked."""

import numpy as np
import pytest

from puntual.errors import BundleError
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import LIVE_STATES
from puntual.features.vector import COLUMNS, Matrix
from puntual.prediction.experts import answering, average, live_states

MOST = np.array([[0.8, 0.05, 0.05, 0.05, 0.05]])
EVEN = np.full((1, 5), 0.2)
KNOWN_BEFORE, HORIZON = COLUMNS.index("airport_late_rate_60d"), ALL_COLUMNS.index("horizon")


def saying(bands: np.ndarray):
    return lambda matrix: np.repeat(bands, len(matrix), axis=0)


def live_rows(count: int = 3) -> Matrix:
    """Vectors an hour ahead, of which the first one's past is not known."""
    matrix = np.zeros((count, len(ALL_COLUMNS)), np.float32)
    matrix[:, HORIZON] = 60
    matrix[0, : len(COLUMNS)] = np.nan
    return matrix


def test_odds_are_averaged_and_not_probabilities() -> None:
    mixed = average([(MOST, 0.5), (EVEN, 0.5)])
    assert mixed.sum() == pytest.approx(1)
    assert mixed[0, 0] / mixed[0, 1] == pytest.approx((0.8 / 0.05) ** 0.5)


def test_a_share_of_one_leaves_what_the_expert_says() -> None:
    np.testing.assert_allclose(average([(MOST, 1.0)]), MOST)


def test_an_expert_that_is_sure_has_a_logarithm_still() -> None:
    sure = np.array([[1.0, 0.0, 0.0, 0.0, 0.0]])
    assert np.isfinite(average([(sure, 0.5), (EVEN, 0.5)])).all()


def test_a_state_without_a_mixture_is_answered_by_the_expert_of_its_name() -> None:
    answers = answering({"history": saying(MOST), "timetable": saying(EVEN)}, {})
    np.testing.assert_array_equal(answers["history"](live_rows(1)), MOST)


def test_the_day_before_answers_each_flight_by_what_is_known_of_it_without_its_day() -> None:
    experts = {"history": saying(MOST), "timetable": saying(EVEN)}
    answers = answering(experts, {"live_60": {"day_before": 1.0}})
    np.testing.assert_allclose(answers["live_60"](live_rows(3)), np.concatenate([EVEN, MOST, MOST]))


def test_the_day_before_may_be_an_average_itself() -> None:
    experts = {"history": saying(MOST), "history_level": saying(EVEN), "timetable": saying(EVEN)}
    halves = {"history": 0.5, "history_level": 0.5}
    answers = answering(experts, {"live_60": {"day_before": 1.0}, "history": halves})
    np.testing.assert_allclose(
        answers["live_60"](live_rows(3))[1:], np.repeat(average([(MOST, 0.5), (EVEN, 0.5)]), 2, axis=0)
    )


def test_a_live_state_answers_where_it_has_an_expert_or_a_mixture() -> None:
    assert live_states({"history": 1, "live_30": 1}, {"live_720": {"live": 1.0}}) == ("live_30", "live_720")
    assert live_states({"history": 1, "live": 1}, {}) == ()
    assert live_states(dict.fromkeys(state.name for state in LIVE_STATES), {}) == tuple(
        state.name for state in LIVE_STATES
    )


@pytest.mark.parametrize(
    "mixtures", [{"live_60": {"live_60": 0.5, "nobody": 0.5}}, {"history": {"day_before": 1.0}}]
)
def test_a_mixture_of_those_who_are_not_there_is_refused(mixtures) -> None:
    with pytest.raises(BundleError, match="is no expert of the bundle"):
        answering({"history": saying(MOST), "live_60": saying(EVEN)}, mixtures)
