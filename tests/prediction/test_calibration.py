"""What a model says becomes probabilities that can be relied on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from puntual.features.states import part
from puntual.features.vector import COLUMNS
from puntual.prediction import calibration
from puntual.prediction.calibration import (
    LEVEL_COLUMNS,
    Calibration,
    Level,
    Scaling,
    softmax,
)
from puntual.training.calibration_fit import HoldoutPredictions, fit_calibration, fit_level
from puntual.training.candidates import Treatment, treat

WEIGHTS = (0.1, 0.2, 0.3, 0.4)
NEUTRAL = Calibration({"history": Scaling(), "timetable": Scaling()}, Level())
said_by_models = arrays(np.float64, (7, 5), elements=st.floats(-6, 6)).map(softmax)


def both(with_history: Scaling, without: Scaling, level: Level) -> Calibration:
    return Calibration({"history": with_history, "timetable": without}, level)


def vectors(count: int, rate: float = np.nan) -> np.ndarray:
    """Vectors that know nothing but the airport's late rate."""
    matrix = np.full((count, len(COLUMNS)), np.nan, np.float32)
    matrix[:, LEVEL_COLUMNS] = rate
    return matrix


@given(said_by_models)
def test_a_neutral_calibration_leaves_the_word_of_the_model(raw: np.ndarray) -> None:
    np.testing.assert_allclose(NEUTRAL.apply(raw, vectors(7, 0.2)), raw, atol=1e-6)


@given(
    raw=said_by_models,
    slope=st.floats(0.1, 3),
    intercepts=st.tuples(*[st.floats(-3, 3)] * 5),
    base=st.floats(0, 1),
    rate=st.one_of(st.floats(0, 1), st.just(np.nan)),
)
def test_calibrated_bands_are_probabilities(raw, slope, intercepts, base, rate) -> None:
    calibrated = both(Scaling(slope, intercepts), Scaling(), Level(WEIGHTS, base)).apply(
        raw, vectors(7, rate)
    )
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0)
    assert (calibrated >= 0).all()


@given(raw=said_by_models, low=st.floats(0.02, 0.4), more=st.floats(0.01, 0.3))
def test_a_worse_level_raises_every_late_band_and_keeps_their_proportions(raw, low, more) -> None:
    calibration_ = both(Scaling(), Scaling(), Level(WEIGHTS, 0.2))
    before, after = (
        calibration_.apply(raw, vectors(7, low)),
        calibration_.apply(raw, vectors(7, low + more)),
    )
    assert (after[:, 1:] > before[:, 1:]).all()
    ratio = after[:, 1:] / before[:, 1:]
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(4, axis=1), rtol=1e-6)


def test_a_level_at_its_base_or_unknown_changes_nothing() -> None:
    level = Level(WEIGHTS, 0.25)
    np.testing.assert_allclose(level.of(vectors(2, 0.25)), 0, atol=1e-6)
    np.testing.assert_array_equal(level.of(vectors(2)), 0)


def test_a_level_leans_on_the_windows_that_are_known() -> None:
    matrix = vectors(1, 0.25)
    matrix[0, LEVEL_COLUMNS[0]] = np.nan
    assert Level(WEIGHTS).of(matrix)[0] == pytest.approx(np.log(1 / 3))
    matrix[0, LEVEL_COLUMNS] = 0.1, np.nan, np.nan, 0.3
    assert Level(WEIGHTS).of(matrix)[0] == pytest.approx(np.log(0.26 / 0.74))


def test_one_stormy_day_is_not_taken_for_a_law() -> None:
    level = Level((1.0, 0.0, 0.0, 0.0))
    assert level.of(vectors(1, 1.0))[0] == pytest.approx(np.log(0.8 / 0.2))
    assert level.of(vectors(1, 0.0))[0] == pytest.approx(np.log(0.02 / 0.98))


def test_each_flight_gets_the_scaling_of_its_state_of_knowledge() -> None:
    matrix = np.concatenate([vectors(1, 0.2), vectors(1)])
    assert [(state.name, rows.tolist()) for state, rows in part(matrix)] == [
        ("history", [0]),
        ("timetable", [1]),
    ]
    raw = np.full((2, 5), 0.2)
    calibrated = both(Scaling(intercepts=(0, 1, 1, 1, 1)), Scaling(), Level()).apply(raw, matrix)
    assert calibrated[0, 0] < 0.2 and calibrated[1, 0] == pytest.approx(0.2)


@given(slope=st.floats(0.1, 3), numbers=st.tuples(*[st.floats(-3, 3)] * 5), base=st.floats(0, 1))
def test_a_calibration_is_read_back_as_it_was_stored(slope, numbers, base) -> None:
    kept = both(
        Scaling(slope, numbers, numbers[::-1], (*numbers[1:], 0.5)),
        Scaling(1.0, numbers),
        Level(WEIGHTS, base),
    )
    assert calibration.from_table(calibration.to_table(kept)) == kept


@pytest.mark.parametrize("treatment", [Treatment.WEIGHTS, Treatment.DOWN])
def test_the_shift_undoes_what_a_treatment_of_the_imbalance_did(treatment: Treatment) -> None:
    """A model that knows nothing says the shares that it was shown; the shift brings the true ones back."""
    true = np.array([0.8, 0.08, 0.06, 0.04, 0.02])
    bands = np.repeat(np.arange(5, dtype=np.int8), (true * 5000).astype(int))
    sample = treat(treatment, bands)
    weights = np.ones(len(sample.rows)) if sample.weights is None else sample.weights
    shown = np.bincount(bands[sample.rows], weights, minlength=5)
    raw = (shown / shown.sum())[np.newaxis]
    assert abs(raw - true).max() > 0.2
    np.testing.assert_allclose(
        softmax(Scaling(shift=sample.shift).logits(raw, np.zeros(1)))[0], true, atol=1e-9
    )


def unseen(count: int, slope: float, rate: float, level: float = 0.0, seed: int = 0) -> HoldoutPredictions:
    """Flights whose bands are drawn from a law that the model overstates or understates."""
    chance = np.random.default_rng(seed)
    logits = chance.normal([1.5, 0, 0, -0.5, -1], 1.0, (count, 5))
    truth = slope * logits
    truth[:, 1:] += level
    bands = (softmax(truth).cumsum(axis=1) < chance.random((count, 1))).sum(axis=1).astype(np.int8)
    return HoldoutPredictions(
        np.arange(count), softmax(logits), vectors(count, rate), bands, np.full(count, level), Scaling()
    )


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.6])
def test_the_slope_of_an_overconfident_model_is_found(slope: float) -> None:
    fitted = fit_calibration([unseen(20_000, slope, 0.2)], Level())
    assert fitted.scalings["history"].slope == pytest.approx(slope, abs=0.06)
    assert fitted.scalings["timetable"] == Scaling(), (
        "of flights without history there were none to learn from"
    )


def test_the_level_is_not_learnt_twice() -> None:
    fitted = fit_calibration([unseen(20_000, 1.0, 0.2, level=1.0)], Level())
    np.testing.assert_allclose(fitted.scalings["history"].intercepts, 0, atol=0.12)


def joined(one: HoldoutPredictions, other: HoldoutPredictions) -> HoldoutPredictions:
    rows, probabilities, matrix, bands, level = (
        np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("rows", "probabilities", "matrix", "bands", "level")
    )
    return HoldoutPredictions(rows, probabilities, matrix, bands, level, one.prior)


def test_what_one_period_alone_teaches_is_held_back() -> None:
    """Two periods that err in opposite ways leave the model's word nearly as it is; two that agree do not."""
    opposed = [shifted(0.7, seed=1), shifted(-0.7, seed=2)]
    agreed = [shifted(0.7, seed=1), shifted(0.7, seed=2)]
    assert np.abs(fit_calibration(opposed, Level()).scalings["history"].intercepts).max() < 0.1
    assert min(fit_calibration(agreed, Level()).scalings["history"].intercepts[1:]) > 0.3


def shifted(by: float, seed: int) -> HoldoutPredictions:
    """Flights that are later than the model says, with nothing to tell it so."""
    drawn = unseen(5_000, 1.0, 0.2, level=by, seed=seed)
    return replace(drawn, level=np.zeros(5_000))


def test_a_slope_under_one_draws_towards_the_shares_of_training() -> None:
    shares = np.array([0.8, 0.08, 0.06, 0.04, 0.02])
    flat = Scaling(slope=0.0, center=tuple(np.log(shares)))
    np.testing.assert_allclose(softmax(flat.logits(np.full((1, 5), 0.2), np.zeros(1)))[0], shares)


def test_states_of_knowledge_are_scaled_apart() -> None:
    blocks = [joined(unseen(5_000, 0.5, 0.2, seed=s), unseen(5_000, 1.5, np.nan, seed=s)) for s in (1, 2)]
    fitted = fit_calibration(blocks, Level())
    assert fitted.scalings["history"].slope == pytest.approx(0.5, abs=0.1)
    assert fitted.scalings["timetable"].slope == pytest.approx(1.5, abs=0.1)


def test_what_the_weights_leave_of_one_is_on_the_rate_of_training() -> None:
    """Half of 0.4 and half of 0.2 is 0.3."""
    level = Level((0.5, 0.0, 0.0, 0.0), 0.2)
    odds_above = (0.3 / 0.7) / (0.2 / 0.8)
    assert level.of(vectors(1, 0.4))[0] == pytest.approx(np.log(odds_above))


def drawn_by(rates: np.ndarray, forecast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of some rates, and which flights are late where these are as probable as forecast."""
    matrix = vectors(len(rates))
    matrix[:, LEVEL_COLUMNS] = rates
    return matrix, np.random.default_rng(2).random(len(rates)) < forecast


def test_the_window_that_forecasts_the_day_gets_the_weight() -> None:
    rates = np.random.default_rng(1).uniform(0.05, 0.6, (20_000, 4))
    level = fit_level(*drawn_by(rates, rates[:, 2]), np.arange(20_000) // 100)
    assert level.weights[2] > 0.8
    assert 0.95 < sum(level.weights) <= 1


def test_days_that_revert_to_the_mean_leave_weight_on_the_rate_of_training() -> None:
    rates = np.random.default_rng(1).uniform(0.05, 0.6, (20_000, 1)).repeat(4, axis=1)
    level = fit_level(*drawn_by(rates, 0.5 * rates[:, 0] + 0.5 * rates.mean()), np.arange(20_000) // 100)
    assert sum(level.weights) == pytest.approx(0.5, abs=0.1)
    assert level.base == pytest.approx(rates.mean(), abs=0.02)


def test_a_level_is_fitted_without_the_days_to_come() -> None:
    """Late rates that rise day by day: the rate of the whole half-year would have foretold nothing of it."""
    day = np.arange(36_000) // 200
    rising = 0.05 + 0.3 * day / 180
    level = fit_level(*drawn_by(np.repeat(rising[:, np.newaxis], 4, axis=1), rising), day)
    assert sum(level.weights) > 0.95


def test_too_few_flights_with_history_give_no_level() -> None:
    late = np.arange(1000) % 4 == 0
    assert fit_level(vectors(1000), late, np.arange(1000)) == Level(base=0.25)
