"""The ONNX model answers as the estimators that it was made from."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from experts_made import learnt, made_dataset, trained, vectors_in_every_state
from puntual.errors import ConversionError
from puntual.features.states import CONDITIONS
from puntual.features.vector import COLUMNS, Matrix
from puntual.training.candidates import MODELS, Treatment
from puntual.training.dataset import Dataset
from puntual.training.fitting import Experts
from puntual.training.onnx_export import TOLERANCE, convert, largest_difference, prove


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made_dataset()


@pytest.fixture(scope="module")
def proof(dataset: Dataset) -> Matrix:
    return vectors_in_every_state(dataset)


@pytest.mark.parametrize("treatment", Treatment)
@pytest.mark.parametrize("name", MODELS)
def test_onnx_answers_as_the_estimator_does(
    name: str, treatment: Treatment, dataset: Dataset, proof: Matrix
) -> None:
    experts = trained(dataset, name, treatment)
    model = convert(experts)
    assert prove(experts, model, name, proof) <= TOLERANCE
    said = experts.predict_proba(proof)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert said[:, 0].std() > 0.01, "a model that says the same of every flight would agree trivially"


@pytest.mark.parametrize("name", MODELS)
def test_flights_that_are_all_of_one_state_are_answered_by_its_expert_alone(
    name: str, dataset: Dataset
) -> None:
    """The other expert is asked about no flights at all."""
    experts = trained(dataset, name, Treatment.NONE)
    model = convert(experts)
    rows = np.arange(600, 700)
    for condition in CONDITIONS:
        for some in (rows, rows[:1]):
            matrix = learnt(dataset).under(condition, some)
            assert largest_difference(experts, model, name, matrix) <= TOLERANCE


def test_a_model_that_answers_otherwise_is_refused(dataset: Dataset, proof: Matrix) -> None:
    experts = trained(dataset, "lightgbm", Treatment.NONE)
    model = convert(experts)
    swapped = Experts(
        experts.of | {"timetable": trained(dataset, "lightgbm", Treatment.DOWN).of["timetable"]}
    )
    with pytest.raises(
        ConversionError, match=r"lightgbm: ONNX and estimator differ by .* expected at most 1e-05"
    ):
        prove(swapped, model, "lightgbm", proof)
    only_known = proof[~np.isnan(proof[:, COLUMNS.index("airport_late_rate_60d")])]
    assert largest_difference(swapped, model, "lightgbm", only_known) <= TOLERANCE


def test_an_answer_that_is_no_number_is_refused(dataset: Dataset, proof: Matrix) -> None:
    class Speechless:
        def predict_proba(self, X: Matrix) -> np.ndarray:
            return np.full((len(X), 5), np.nan)

    experts = trained(dataset, "lightgbm", Treatment.NONE)
    broken = Experts(experts.of | {"history": replace(experts.of["history"], classifier=Speechless())})
    with pytest.raises(ConversionError, match="differ by nan"):
        prove(broken, convert(experts), "lightgbm", proof)


def test_each_flight_is_asked_of_the_expert_for_its_state(dataset: Dataset) -> None:
    experts = trained(dataset, "lightgbm", Treatment.NONE)
    rows = np.arange(600, 700)
    full, blind = (learnt(dataset).under(condition, rows) for condition in CONDITIONS[:2])
    mixed = np.concatenate([full[:50], blind[50:]])
    said = experts.predict_proba(mixed)
    np.testing.assert_array_equal(said[:50], experts.of["history"].predict_proba(full[:50]))
    np.testing.assert_array_equal(said[50:], experts.of["timetable"].predict_proba(blind[50:]))


def test_no_flights_have_no_answers(dataset: Dataset) -> None:
    experts = trained(dataset, "lightgbm", Treatment.NONE)
    assert experts.predict_proba(dataset.uncoded[:0]).shape == (0, 5)


CONVERTED = """
import hashlib
from experts_made import made_dataset, trained
from puntual.training.candidates import Treatment
from puntual.training.onnx_export import convert
models = convert(trained(made_dataset(), "lightgbm", Treatment.NONE))
print(*(hashlib.sha256(model).hexdigest() for model in models.values()))
"""


def test_a_process_that_hashes_otherwise_converts_to_the_same_bytes() -> None:
    """Operator sets came in the order of a set, which differs between these three."""
    digests = set()
    for seed in ("1", "3", "4"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, "-c", CONVERTED], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(ended.stdout)
    assert len(digests) == 1
