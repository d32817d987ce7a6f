"""Models that compete, and what is done about late flights being few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flights_made import make_flights
from puntual.errors import UnknownCandidateError
from puntual.features.vector import COLUMNS
from puntual.flights.flight import LateRule
from puntual.training.candidates import MODELS, Candidate, Treatment, build, fit, parse_candidates, treat
from puntual.training.dataset import Dataset

BANDS = np.array([0] * 80 + [1] * 8 + [2] * 6 + [3] * 4 + [4] * 2, np.int8)


def test_five_models_compete_under_three_treatments_unless_told_otherwise() -> None:
    everyone = parse_candidates(None)
    assert len(everyone) == 15
    assert {entry.name for entry in everyone} == {"logistic", "forest", "lightgbm", "xgboost", "neural"}


def test_a_choice_names_models_and_may_name_their_treatment() -> None:
    chosen = parse_candidates("lightgbm:down, logistic")
    assert [str(entry) for entry in chosen] == [
        "lightgbm:down",
        "logistic:none",
        "logistic:weights",
        "logistic:down",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lightgmb", r"candidate 'lightgmb' is unknown; .*did you mean 'lightgbm'\?"),
        ("forest:wights", r"treatment 'wights' is unknown; expected one of none, weights, down"),
        ("forest,,neural", r"candidate '' is unknown"),
    ],
)
def test_a_choice_that_names_nothing_known_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnknownCandidateError, match=message):
        parse_candidates(text)


def test_no_treatment_shows_every_flight_once() -> None:
    sample = treat(Treatment.NONE, BANDS)
    assert sample.rows.tolist() == list(range(100))
    assert sample.weights is None and sample.shift == (0.0,) * 5


def test_class_weights_give_every_band_as_much_say() -> None:
    sample = treat(Treatment.WEIGHTS, BANDS)
    assert sample.weights is not None
    np.testing.assert_allclose(np.bincount(BANDS, sample.weights), 20)


def test_down_sampling_keeps_every_late_flight_and_as_many_punctual_ones() -> None:
    sample = treat(Treatment.DOWN, BANDS, seed=3)
    assert set(range(80, 100)) <= set(sample.rows.tolist())
    assert len(sample.rows) == 40 == len(set(sample.rows.tolist()))
    assert sample.shift[0] == pytest.approx(np.log(80 / 20)) and sample.shift[1:] == (0.0,) * 4


@given(arrays(np.int8, 60, elements=st.integers(0, 4)), st.sampled_from(list(Treatment)))
def test_a_treatment_shows_some_flights_of_each_band_there_is(
    bands: np.ndarray, treatment: Treatment
) -> None:
    sample = treat(treatment, bands)
    assert set(bands[sample.rows].tolist()) == set(bands.tolist())
    assert np.isfinite(sample.shift).all()


def test_chance_comes_from_the_seed() -> None:
    first, again, other = (treat(Treatment.DOWN, BANDS, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)


@pytest.mark.parametrize("name", MODELS)
def test_a_parameter_takes_the_place_of_the_presets(name: str) -> None:
    parameters = {"logistic": {"C": 7.0}, "neural": {"width": 8}}.get(name, {"n_estimators": 3})
    told = str(build(Candidate(name, Treatment.NONE, parameters), np.arange(len(COLUMNS)), 100).get_params())
    assert {"logistic": "__C': 7.0", "neural": "(8, 8)"}.get(name, "n_estimators': 3,") in told


def test_a_model_fitted_twice_on_the_same_flights_says_the_same() -> None:
    flights = make_flights(days=40, per_day=20)
    dataset = Dataset(flights, LateRule.FROM_15)
    candidate = Candidate("lightgbm", Treatment.NONE, {"n_estimators": 10})
    columns = np.arange(len(COLUMNS))
    said = [
        fit(candidate, dataset.uncoded, columns, dataset.bands).predict_proba(dataset.uncoded)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*said)
    late = said[0][:, 1:].sum(axis=1)
    assert late[dataset.late].mean() > late[~dataset.late].mean()
