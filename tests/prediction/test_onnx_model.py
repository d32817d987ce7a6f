"""A flight gets the same answer, to the bit, whatever is asked beside it and however many threads work."""

import numpy as np
import pytest

from experts_made import made_dataset, model_of, trained, vectors_in_every_state
from puntual.features.vector import Matrix
from puntual.training.candidates import MODELS, Treatment
from puntual.training.fitting import Experts


@pytest.fixture(scope="module")
def vectors() -> Matrix:
    return vectors_in_every_state(made_dataset())


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest) -> tuple[Experts, str]:
    return trained(made_dataset(), request.param, Treatment.NONE), request.param


def test_flights_asked_alone_or_in_parts_are_answered_as_when_asked_together(
    fitted: tuple[Experts, str], vectors: Matrix
) -> None:
    model = model_of(*fitted, threads=1)
    together = model.bands(vectors)
    chance = np.random.default_rng(0)
    for size in (1, 2, 3, 63, 64, 65, 400):
        rows = chance.choice(len(vectors), size, replace=False)
        np.testing.assert_array_equal(model.bands(vectors[rows]), together[rows])


def test_two_threads_answer_as_one_does(fitted: tuple[Experts, str], vectors: Matrix) -> None:
    many = np.concatenate([vectors, vectors[::-1], vectors])
    assert len(many) > 4_096
    one, two = (model_of(*fitted, threads=threads).bands(many) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_no_flights_have_no_answers(fitted: tuple[Experts, str], vectors: Matrix) -> None:
    assert model_of(*fitted).bands(vectors[:0]).shape == (0, 5)
