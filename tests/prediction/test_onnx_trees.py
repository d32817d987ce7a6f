"""Trees that the kernel walks add up to what ONNX's own runtime makes of them, to the bit; damaged ones are refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from puntual.features.live_vector import ALL_COLUMNS
from puntual.prediction import experts
from puntual.prediction.experts import Model
from puntual.prediction.onnx_trees import read_trees, with_sums
from puntual.training.candidates import Candidate, Treatment, fit
from puntual.training.fitting import Expert, Experts
from puntual.training.onnx_export import convert

WIDTH = 20
COLUMNS = np.arange(WIDTH, dtype=np.intp)
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def vectors() -> Floats:
    """Whole numbers, so that many are just at a split, with holes."""
    chance = np.random.default_rng(0)
    vectors = chance.integers(-9, 9, (1_500, WIDTH)).astype(np.float32)
    vectors[chance.random(vectors.shape) < 0.2] = np.nan
    return vectors


@pytest.fixture(scope="module", params=["lightgbm", "xgboost"])
def model(request: pytest.FixtureRequest, vectors: Floats) -> bytes:
    bands = np.nan_to_num(vectors[:, 0] + vectors[:, 1]).astype(int) % 5
    candidate = Candidate(request.param, Treatment.NONE, {"n_estimators": 13})
    expert = Expert(fit(candidate, vectors, COLUMNS, bands), COLUMNS)
    return convert(Experts({"history": expert}))["history"]


@pytest.mark.parametrize("flights", [1, 7, 1_500])
def test_the_kernel_gives_the_bits_of_the_runtimes_sums(
    model: bytes, vectors: Floats, flights: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}
    for compiled in (True, False):
        monkeypatch.setattr(experts, "is_compiled", lambda answer=compiled: answer)
        loaded = Model({"history": model}, {"history": ALL_COLUMNS[:WIDTH]}, "xgboost", threads=1)
        asked[compiled] = loaded._answers["history"](vectors[:flights])
    assert asked[True].std() > 0.1
    np.testing.assert_array_equal(asked[True].view(np.uint32), asked[False].view(np.uint32))


def test_they_are_the_runtimes_probabilities_but_for_the_rounding_of_an_exponential(
    model: bytes, vectors: Floats
) -> None:
    ours = Model({"history": model}, {"history": ALL_COLUMNS[:WIDTH]}, "xgboost", threads=1)._answers[
        "history"
    ]
    (theirs,) = onnxruntime.InferenceSession(model).run(None, {"columns": vectors})
    np.testing.assert_allclose(ours(vectors), theirs, rtol=0, atol=2.5e-7)


def test_the_columns_are_found_in_longer_vectors(model: bytes, vectors: Floats) -> None:
    placed = np.full((len(vectors), 3 * WIDTH), np.nan, np.float32)
    placed[:, 1::3] = vectors
    columns = [ALL_COLUMNS[3 * place + 1] for place in range(WIDTH)]
    near = Model({"history": model}, {"history": ALL_COLUMNS[:WIDTH]}, "xgboost", threads=1)
    far = Model({"history": model}, {"history": columns}, "xgboost", threads=1)
    np.testing.assert_array_equal(near._answers["history"](vectors), far._answers["history"](placed))


def test_vectors_that_are_too_short_are_refused(model: bytes, vectors: Floats) -> None:
    asked = Model({"history": model}, {"history": ALL_COLUMNS[:WIDTH]}, "xgboost", threads=1)
    with pytest.raises(ValueError, match=r"vectors of 1 columns; its trees read \d+"):
        asked._answers["history"](vectors[:, :1].copy())


def test_the_sums_are_given_beside_the_probabilities(model: bytes) -> None:
    outputs = [given.name for given in onnxruntime.InferenceSession(with_sums(model)).get_outputs()]
    assert outputs == ["probabilities", "logits"]


def ensemble(**changed: object) -> bytes:
    """Two trees: column 0 at most 1.5, then column 1; and one leaf alone."""
    attributes: dict[str, object] = {
        "n_targets": 5,
        "aggregate_function": 1,
        "tree_roots": [0, 2],
        "nodes_featureids": [0, 1, 0],
        "nodes_modes": numpy_helper.from_array(np.zeros(3, np.uint8)),
        "nodes_splits": numpy_helper.from_array(np.array([1.5, 0.5, 0], np.float32)),
        "nodes_missing_value_tracks_true": [1, 0, 0],
        "nodes_truenodeids": [1, 0, 3],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_falseleafs": [1, 1, 1],
        "leaf_targetids": [2, 2, 2, 0],
        "leaf_weights": numpy_helper.from_array(np.array([1, 2, 3, 4], np.float32)),
    }
    nodes = [
        helper.make_node(
            "TreeEnsemble", ["columns"], ["logits"], domain="ai.onnx.ml", **(attributes | changed)
        ),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    kinds = [helper.make_tensor_value_info(name, 1, [None, None]) for name in ("columns", "probabilities")]
    graph = helper.make_graph(nodes, "trees", kinds[:1], kinds[1:])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def sums(content: bytes, rows: list[list[float]]) -> list[list[float]]:
    """The sums, as logarithms of the probabilities less that of a band for which no tree speaks."""
    loaded = Model({"history": content}, {"history": ALL_COLUMNS[:2]}, "lightgbm", threads=1)
    bands = loaded._answers["history"](np.array(rows, np.float32)).astype(np.float64)
    return np.log(bands / bands[:, 1:2]).round(5).tolist()


def test_at_most_and_missing_are_where_the_model_says() -> None:
    rows = [[1.5, 0.5], [1.5, 0.6], [1.6, 0], [np.nan, np.nan]]
    assert sums(ensemble(), rows) == [[4, 0, 1, 0, 0], [4, 0, 2, 0, 0], [4, 0, 3, 0, 0], [4, 0, 2, 0, 0]]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"nodes_truenodeids": [0, 0, 3]}, "do not end"),
        ({"nodes_truenodeids": [9, 0, 3]}, "name children that are not there"),
        ({"nodes_truenodeids": [-1, 0, 3]}, "name children that are not there"),
        ({"nodes_featureids": [0, 2, 0]}, "name columns that are not there"),
        ({"tree_roots": [0, 7]}, "name roots that are not there"),
        ({"leaf_targetids": [2, 2, 5, 0]}, "name bands that are not there"),
        ({"leaf_targetids": [2, 3, 2, 0]}, "leaves for several bands"),
        ({"leaf_targetids": [2, 2, 2]}, "say less of some nodes than of others"),
        ({"nodes_featureids": [0, 1]}, "say less of some nodes than of others"),
        ({"nodes_missing_value_tracks_true": [2, 0, 0]}, "name missing that are not there"),
        ({"nodes_splits": 1.5}, "an attribute 'nodes_splits' of an unknown type"),
        ({"nodes_splits": 1}, "cannot be read"),
    ],
)
def test_trees_that_would_read_beside_their_arrays_are_refused(
    changed: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        read_trees(ensemble(**changed), np.arange(2))


def test_what_is_no_model_and_a_model_cut_off_are_refused() -> None:
    for content in (b"onnx", ensemble()[:-30]):
        with pytest.raises(ValueError):
            read_trees(content, np.arange(2))


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("aggregate_function", 2)),
        lambda model: setattr(model.graph.node[1], "op_type", "Sigmoid"),
    ],
)
def test_other_models_are_left_to_the_runtime(change: Callable[[onnx.ModelProto], object]) -> None:
    model = onnx.load_model_from_string(ensemble())
    change(model)
    assert read_trees(model.SerializeToString(), np.arange(2)) is None


def test_whoever_asks_trees_alone_does_not_load_the_runtime(tmp_path: Path) -> None:
    file = tmp_path / "trees.onnx"
    file.write_bytes(ensemble())
    lines = (
        "import sys, pathlib; from puntual.prediction.experts import Model; import numpy as np",
        f"trees, columns = pathlib.Path({str(file)!r}).read_bytes(), {ALL_COLUMNS[:2]!r}",
        "model = Model({'history': trees}, {'history': columns}, 'lightgbm')",
        "model._answers['history'](np.zeros((1, 2), np.float32)); print('onnxruntime' in sys.modules)",
    )
    said = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False\n"
