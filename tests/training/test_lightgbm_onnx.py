"""LightGBM's trees say the same in ONNX's newest operator as in the converter's, from a third of the bytes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnx import helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from puntual.features.vector import COLUMNS
from puntual.prediction.experts import Model
from puntual.prediction.onnx_trees import read_trees
from puntual.training.candidates import Candidate, Treatment, fit
from puntual.training.fitting import Expert, Experts
from puntual.training.lightgbm_onnx import convert_trees
from puntual.training.onnx_export import branches_of, columns_read, convert

FLIGHTS, WIDTH = 2_000, len(COLUMNS)
_TWENTY_ROUNDS = Candidate("lightgbm", Treatment.NONE, {"n_estimators": 20})


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    chance = np.random.default_rng(0)
    vectors = chance.normal(0, 30, (FLIGHTS, WIDTH)).astype(np.float32)
    vectors[chance.random(vectors.shape) < 0.2] = np.nan
    return vectors


@pytest.fixture(scope="module")
def expert(vectors: NDArray[np.float32]) -> Expert:
    bands = np.nan_to_num(vectors[:, 0] + vectors[:, 1]).astype(int) % 5
    columns = np.arange(WIDTH, dtype=np.intp)
    return Expert(fit(_TWENTY_ROUNDS, vectors, columns, bands), columns)


@pytest.fixture(scope="module")
def converted(expert: Expert) -> onnx.ModelProto:
    """What the converter makes of the expert."""
    return _converted(expert.classifier)


@pytest.fixture(scope="module")
def compact(expert: Expert) -> onnx.ModelProto:
    return convert_trees(expert.classifier, "columns", "probabilities")


def test_the_trees_add_up_to_the_same_bits(
    converted: onnx.ModelProto, compact: onnx.ModelProto, vectors: NDArray[np.float32]
) -> None:
    before, after = (_sums(model, vectors) for model in (converted, compact))
    assert before.std() > 0.1
    np.testing.assert_array_equal(before.view(np.uint32), after.view(np.uint32))


def test_a_value_that_was_never_missing_before_goes_where_the_converter_sends_it(
    expert: Expert, vectors: NDArray[np.float32]
) -> None:
    """LightGBM then takes it for zero."""
    complete = np.nan_to_num(vectors)
    classifier = fit(_TWENTY_ROUNDS, complete, expert.columns, np.abs(complete[:, 0]).astype(int) % 5)
    before, after = (
        _sums(model, vectors)
        for model in (_converted(classifier), convert_trees(classifier, "columns", "probabilities"))
    )
    np.testing.assert_array_equal(before.view(np.uint32), after.view(np.uint32))


def test_the_probabilities_are_the_same_but_for_the_rounding_of_one_exponential(
    converted: onnx.ModelProto, compact: onnx.ModelProto, vectors: NDArray[np.float32]
) -> None:
    before, after = (
        _session(model).run(["probabilities"], {"columns": vectors})[0] for model in (converted, compact)
    )
    np.testing.assert_allclose(before, after, rtol=0, atol=2.5e-7)


def test_they_take_a_third_of_the_bytes_and_are_valid(
    converted: onnx.ModelProto, compact: onnx.ModelProto
) -> None:
    onnx.checker.check_model(compact)
    before, after = (model.SerializeToString() for model in (converted, compact))
    assert len(after) < 0.4 * len(before)
    assert branches_of({"history": after}) == branches_of({"history": before}) > 100


def test_a_tree_that_is_one_leaf_still_speaks(vectors: NDArray[np.float32]) -> None:
    """A band of two flights in two thousand is split by no tree."""
    bands = np.arange(FLIGHTS) % 4
    bands[:2] = 4
    classifier = LGBMClassifier(n_estimators=3, num_leaves=2, min_child_samples=999, verbose=-1)
    expert = Expert(classifier.fit(vectors, bands), np.arange(WIDTH, dtype=np.intp))
    model = onnx.load_model_from_string(convert(Experts({"history": expert}))["history"])
    probabilities = _session(model).run(None, {"columns": vectors})[0]
    np.testing.assert_allclose(probabilities, classifier.predict_proba(vectors), atol=1e-6)
    assert branches_of({"history": model.SerializeToString()}) == 15


def test_an_expert_of_several_states_is_written_and_loaded_once(
    expert: Expert, monkeypatch: pytest.MonkeyPatch
) -> None:
    experts = Experts({"timetable": expert, "history": expert})
    models = convert(experts)
    assert models["timetable"] is models["history"]
    loaded = []
    monkeypatch.setattr(
        "puntual.prediction.experts.read_trees",
        lambda content, columns: loaded.append(content) or read_trees(content, columns),
    )
    Model(models, columns_read(experts), "lightgbm")
    assert loaded == [models["history"]]


def _converted(classifier: LGBMClassifier) -> onnx.ModelProto:
    kind = [("columns", FloatTensorType([None, WIDTH]))]
    model: onnx.ModelProto = convert_lightgbm(classifier, initial_types=kind, zipmap=False)
    return model


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _sums(model: onnx.ModelProto, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ask for what the trees add up to, without the softmax that follows."""
    alone = onnx.ModelProto()
    alone.CopyFrom(model)
    (trees,) = (node for node in alone.graph.node if node.op_type.startswith("TreeEnsemble"))
    for attribute in trees.attribute:
        if attribute.name == "post_transform":
            attribute.s = b"NONE"
    alone.graph.output.append(helper.make_tensor_value_info(trees.output[-1], onnx.TensorProto.FLOAT, None))
    sums: NDArray[np.float32] = _session(alone).run([trees.output[-1]], {"columns": vectors})[0]
    return sums
