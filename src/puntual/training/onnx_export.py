"""From fitted experts to one ONNX model each, the proof that both answer alike, and what an answer costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnx.utils import Extractor
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from puntual.errors import ConversionError
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.vector import Matrix
from puntual.prediction.experts import Model
from puntual.prediction.onnx_trees import PlacesByName
from puntual.training.fitting import Expert, Experts
from puntual.training.lightgbm_onnx import convert_trees
from puntual.training.xgboost_onnx import convert_vector_leaves

TOLERANCE = 1e-5
_OPSET = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 8
# The older operators name each node by its tree and number; the newest numbers branches through, and roots by name.
_OLDER, _NEWEST = "nodes_treeids", "tree_roots"
_SIDES = ("nodes_falsenodeids", "nodes_truenodeids")
_IS_LEAF = ("nodes_falseleafs", "nodes_trueleafs")

_Places = NDArray[np.int64]


def convert(experts: Experts) -> dict[str, bytes]:
    """Turn the expert of each state of knowledge into an ONNX model, from its columns to the five bands.

    An expert of several states gives each of them the same bytes.
    """
    written: dict[int, bytes] = {}
    for state, expert in experts.of.items():
        if id(expert) not in written:
            written[id(expert)] = _written(_probabilities(expert), state)
    return {state: written[id(expert)] for state, expert in experts.of.items()}


def columns_read(experts: Experts) -> dict[str, tuple[str, ...]]:
    """Name the columns that the expert of each state of knowledge reads, in its order."""
    return {
        state: tuple(ALL_COLUMNS[column] for column in expert.columns) for state, expert in experts.of.items()
    }


def largest_difference(
    experts: Experts, models: Mapping[str, bytes], candidate: str, matrix: Matrix
) -> float:
    """Give the largest difference between the estimators' and ONNX's probabilities over n real flights."""
    answered = Model(models, columns_read(experts), candidate, mixtures=experts.mixtures).bands(matrix)
    return float(np.abs(experts.predict_proba(matrix) - answered).max())


def prove(experts: Experts, models: Mapping[str, bytes], candidate: str, matrix: Matrix) -> float:
    """Give the largest difference over n real flights, and refuse a model that differs by more than 1e-5."""
    difference = largest_difference(experts, models, candidate, matrix)
    if not difference <= TOLERANCE:
        raise ConversionError(
            f"{candidate}: ONNX and estimator differ by {difference:.2g} on {len(matrix)} flights; expected at most "
            f"{TOLERANCE:g}; leave this candidate out with --candidates"
        )
    return difference


def branches_of(models: Mapping[str, bytes]) -> int:
    """Count the branches that one flight passes at the most, in all trees of all experts; none where there is none.

    Deep trees of a forest cost more than shallow ones that were boosted, though they are fewer.
    """
    return sum(
        _passed(given)
        for model in models.values()
        for node in onnx.load_model_from_string(model).graph.node
        if (given := _attributes(node)).keys() & {_OLDER, _NEWEST}
    )


def _written(model: onnx.ModelProto, name: str) -> bytes:
    # The converters draw a name at random and list operator sets in the order of hashes, which each process draws anew;
    # the same expert is to give the same bytes.
    model.graph.name = name
    model.opset_import.sort(key=lambda operators: operators.domain)
    return bytes(model.SerializeToString(deterministic=True))


def _probabilities(expert: Expert) -> onnx.ModelProto:
    """Convert the classifier, from its own columns to the probabilities alone."""
    if isinstance(expert.classifier, XGBClassifier):
        return convert_vector_leaves(expert.classifier, "columns", "probabilities", _OPSET, _IR_VERSION)
    if isinstance(expert.classifier, LGBMClassifier):
        return convert_trees(expert.classifier, "columns", "probabilities")
    kind = [("columns", FloatTensorType([None, len(expert.columns)]))]
    model = convert_sklearn(
        expert.classifier, initial_types=kind, target_opset=_OPSET, options={"zipmap": False}
    )
    # Without the label, and the nodes that only it needs: some of them refuse an input of no flights.
    _, probabilities_of = (output.name for output in model.graph.output)
    return Extractor(model).extract_model(["columns"], [probabilities_of])


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    names = {_OLDER, _NEWEST, *_SIDES, *_IS_LEAF, "nodes_nodeids", "nodes_modes"}
    return {
        attribute.name: np.array(onnx.helper.get_attribute_value(attribute))
        for attribute in node.attribute
        if attribute.name in names
    }


def _passed(given: Mapping[str, Any]) -> int:
    """Add up the longest ways from the roots of an ensemble's trees: at each level, the trees that still branch."""
    roots, children = _by_place(given) if _NEWEST in given else _by_name(given)
    passed, place, tree = 0, roots, np.arange(len(roots))
    while len(place):
        passed += len(np.unique(tree))
        below = children[place].ravel()
        tree = tree.repeat(2)[below >= 0]
        place = below[below >= 0]
    return passed


def _by_place(given: Mapping[str, Any]) -> tuple[_Places, _Places]:
    """Give the roots, and the two branches below each branch, -1 for a leaf."""
    below = [np.where(given[leaf], -1, given[side]) for side, leaf in zip(_SIDES, _IS_LEAF, strict=True)]
    return given[_NEWEST], np.stack(below, axis=1)


def _by_name(given: Mapping[str, Any]) -> tuple[_Places, _Places]:
    """Give the roots that branch, and the two branches below each node, -1 for a leaf."""
    tree, number = given[_OLDER], given["nodes_nodeids"]
    places = PlacesByName(tree, number)
    is_branch = given["nodes_modes"] != b"LEAF"
    below = np.full((len(tree), 2), -1)
    for side, name in enumerate(_SIDES):
        place = places.of(tree[is_branch], given[name][is_branch])
        below[is_branch, side] = np.where(is_branch[place], place, -1)
    firsts = np.flatnonzero(np.diff(tree, prepend=-1))
    return firsts[is_branch[firsts]], below
