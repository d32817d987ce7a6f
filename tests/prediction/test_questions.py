"""A bundle is asked its stored questions whenever it is loaded, and one that answers otherwise is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from constant_models import answering
from puntual.cli import main
from puntual.errors import BundleError
from puntual.features.states import STATES, rows_in
from puntual.prediction.loading import load_proven
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, Registry


def with_questions(bundle: Bundle, **changed: NDArray[Any]) -> Bundle:
    return replace(bundle, tables=bundle.tables | {"questions": bundle.tables["questions"] | changed})


def test_training_stores_questions_in_every_state_of_knowledge(made_bundle: Bundle) -> None:
    for name in ("questions", "tested_questions"):
        vectors = made_bundle.tables[name]["vector"]
        assert len(vectors) == len(made_bundle.tables[name]["bands"]) == 48
        assert all(len(rows_in(state, vectors)) >= 8 for state in STATES)
        assert len(np.unique(made_bundle.tables[name]["bands"], axis=0)) > 30


@pytest.mark.parametrize("tested", [False, True])
def test_the_answers_are_those_of_the_model_that_is_loaded(made_bundle: Bundle, tested: bool) -> None:
    table = made_bundle.tables["tested_questions" if tested else "questions"]
    bands = Predictor(made_bundle, tested=tested, threads=1).bands(table["vector"])
    np.testing.assert_allclose(bands, table["bands"], rtol=0, atol=1e-9)


def test_a_model_that_answers_only_zeros_is_refused(made_bundle: Bundle) -> None:
    with pytest.raises(
        BundleError, match="which are no probabilities that sum to 1; fetch or train it again"
    ):
        Predictor(answering(made_bundle, 0, 0, 0, 0, 0))


def test_a_model_that_answers_always_the_same_is_refused(made_bundle: Bundle) -> None:
    with pytest.raises(
        BundleError, match=r"its stored questions otherwise .* by up to 0\.\d+, expected at most 1e-05"
    ):
        Predictor(answering(made_bundle, 0.8, 0.1, 0.05, 0.03, 0.02))


def test_the_tested_model_has_questions_of_its_own(made_bundle: Bundle) -> None:
    swapped = replace(made_bundle, tested=made_bundle.experts)
    Predictor(swapped)
    with pytest.raises(BundleError, match="otherwise than when it was written"):
        Predictor(swapped, tested=True)


@pytest.mark.parametrize(("moved", "refused"), [(9e-6, False), (1.1e-5, True)])
def test_answers_may_differ_by_the_tolerance(made_bundle: Bundle, moved: float, refused: bool) -> None:
    bands = made_bundle.tables["questions"]["bands"].copy()
    bands[7, 2] += moved
    changed = with_questions(made_bundle, bands=bands)
    if not refused:
        Predictor(changed)
        return
    with pytest.raises(BundleError, match="otherwise than when it was written"):
        Predictor(changed)


CHANGES: dict[str, Callable[[NDArray[Any], NDArray[Any]], dict[str, NDArray[Any]]]] = {
    "none": lambda vector, bands: {"vector": vector[:0], "bands": bands[:0]},
    "of one state alone": lambda vector, bands: {
        "vector": vector[rows_in(STATES[0], vector)],
        "bands": bands[rows_in(STATES[0], vector)],
    },
    "too narrow": lambda vector, _: {"vector": vector[:, 1:]},
    "too few answers": lambda _, bands: {"bands": bands[:, 1:]},
    "of another kind": lambda vector, _: {"vector": vector.astype(np.float64)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_questions_that_are_none_are_refused(made_bundle: Bundle, change: str) -> None:
    table = made_bundle.tables["questions"]
    changed = CHANGES[change](table["vector"], table["bands"])
    with pytest.raises(BundleError, match=r"its questions are not .* some in each state of knowledge"):
        Predictor(with_questions(made_bundle, **changed))


def test_an_answer_that_is_no_number_is_no_answer(made_bundle: Bundle) -> None:
    bands = np.full_like(made_bundle.tables["questions"]["bands"], np.nan)
    with pytest.raises(BundleError, match="otherwise than when it was written"):
        Predictor(with_questions(made_bundle, bands=bands))


def test_zeros_become_no_champion_not_even_by_force(made_bundle: Bundle, tmp_path: Path) -> None:
    version = Registry(tmp_path).publish(answering(made_bundle, 0, 0, 0, 0, 0))
    words = ["models", "promote", version, "--force", "--registry", str(tmp_path)]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, Registry(tmp_path).champion()) == (1, None)
    assert "no probabilities that sum to 1" in result.output


def test_what_is_no_model_is_told_in_one_line_on_promotion(made_bundle: Bundle, tmp_path: Path) -> None:
    version = Registry(tmp_path).publish(
        replace(made_bundle, experts=dict.fromkeys(made_bundle.experts, b"onnx"))
    )
    result = CliRunner().invoke(main, ["models", "promote", version, "--registry", str(tmp_path)])
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert f"bundle {version}: it cannot be asked" in result.output


def test_a_sound_bundle_is_loaded(made_bundle: Bundle) -> None:
    assert load_proven(made_bundle).bundle.version == made_bundle.version
