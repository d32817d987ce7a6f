"""LightGBM's trees, written as ONNX's newest operator of trees: a third of the bytes, and of the memory of who asks.

The older operator, which converters write, has nine attributes of each node, be it a leaf, and the runtime keeps
them all beside the trees that it makes of them: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
The trees are read from the text that LightGBM saves: a tree's branches and leaves are numbered apart, and a child is
the number of a branch, or the complement of that of a leaf.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from puntual.flights.flight import BAND_COUNT

_OPSET, _IR_VERSION = {"": 16, "ai.onnx.ml": 5}, 10
_SUM, _AT_MOST = 1, 0
# The bits of a branch's `decision_type` that say where a missing value goes, and that there can be one.
_TO_THE_LEFT, _CAN_BE_MISSING = 0b0010, 0b1100
# The left side is where what is compared holds.
_SIDES = (("nodes_truenodeids", "nodes_trueleafs"), ("nodes_falsenodeids", "nodes_falseleafs"))
_Trees = list[dict[str, list[str]]]
_Places = NDArray[np.int64]


def convert_trees(classifier: LGBMClassifier, inputs: str, output: str) -> ModelProto:
    """Write a fitted classifier as ONNX, from its columns to the probabilities of the bands, shape (n, 5)."""
    nodes = [
        helper.make_node(
            "TreeEnsemble",
            [inputs],
            ["logits"],
            domain="ai.onnx.ml",
            n_targets=BAND_COUNT,
            aggregate_function=_SUM,
            **_attributes(_read_trees(classifier.booster_.model_to_string())),
        ),
        helper.make_node("Softmax", ["logits"], [output], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "trees",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, [None, classifier.n_features_in_])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, BAND_COUNT])],
    )
    versions = [helper.make_opsetid(domain, version) for domain, version in _OPSET.items()]
    return helper.make_model(graph, opset_imports=versions, ir_version=_IR_VERSION)


def _read_trees(text: str) -> _Trees:
    trees = text.partition("\nend of trees")[0].split("\nTree=")[1:]
    lines = ([line.partition("=") for line in tree.splitlines()] for tree in trees)
    return [{name: values.split() for name, _, values in of_tree} for of_tree in lines]


def _attributes(trees: _Trees) -> dict[str, Any]:
    """Give the attributes of all branches and all leaves; a tree that is one leaf branches to it on both sides."""
    leaves = np.array([len(tree["leaf_value"]) for tree in trees])
    branches = np.maximum(leaves - 1, 1)
    roots, first_leaves = branches.cumsum() - branches, leaves.cumsum() - leaves
    children = [_children(trees, side, roots, first_leaves) for side in ("left_child", "right_child")]
    order = _in_order(roots, *children)
    is_branch = order >= 0
    numbers = np.empty_like(order)
    # From the end, where complements count from.
    numbers[order] = np.where(is_branch, is_branch.cumsum(), (~is_branch).cumsum()) - 1
    branch, leaf = order[is_branch], ~order[~is_branch]
    bands = np.repeat(np.arange(len(trees)) % BAND_COUNT, leaves)
    return {
        "tree_roots": numbers[roots].tolist(),
        **_decisions(trees, branch),
        **_sides(children, numbers, branch),
        "leaf_targetids": bands[leaf].tolist(),
        "leaf_weights": _floats(_joined(trees, "leaf_value", np.float64)[leaf]),
    }


def _children(trees: _Trees, side: str, roots: _Places, first_leaves: _Places) -> _Places:
    """Give the child on one side of every branch, numbered through all trees."""
    child = _joined(trees, side, np.int64, of_one_leaf="-1")
    tree = np.repeat(np.arange(len(trees)), np.diff(roots, append=len(child)))
    return np.where(child < 0, child - first_leaves[tree], child + roots[tree])


def _in_order(roots: _Places, left: _Places, right: _Places) -> _Places:
    """Order the nodes: tree by tree, those below a branch together, its two children first."""
    order: list[int] = []
    lefts, rights = left.tolist(), right.tolist()
    for root in roots.tolist():
        order.append(root)
        waiting = [root]
        while waiting:
            branch = waiting.pop()
            children = dict.fromkeys((lefts[branch], rights[branch]))
            order += children
            waiting += [child for child in reversed(children) if child >= 0]
    return np.array(order)


def _decisions(trees: _Trees, branch: _Places) -> dict[str, Any]:
    """Give what each branch compares with what, and whether a missing value goes to the left."""
    feature = _joined(trees, "split_feature", np.int64)[branch]
    threshold = _joined(trees, "threshold", np.float64)[branch]
    decision = _joined(trees, "decision_type", np.int64)[branch]
    # Where none was missing in training, one counts as zero.
    goes_left = (decision & _TO_THE_LEFT > 0) & ((decision & _CAN_BE_MISSING > 0) | (threshold >= 0))
    return {
        "nodes_modes": numpy_helper.from_array(np.full(len(branch), _AT_MOST, np.uint8)),
        "nodes_splits": _floats(threshold),
        "nodes_featureids": feature.tolist(),
        "nodes_missing_value_tracks_true": goes_left.astype(int).tolist(),
    }


def _sides(children: list[_Places], numbers: _Places, branch: _Places) -> dict[str, list[int]]:
    """Give the number of each branch's children, among branches or leaves, and which are leaves."""
    sides: dict[str, list[int]] = {}
    for (name, are_leaves), child in zip(_SIDES, children, strict=True):
        sides[name] = numbers[child[branch]].tolist()
        sides[are_leaves] = (child[branch] < 0).astype(int).tolist()
    return sides


def _joined(trees: _Trees, name: str, kind: type[Any], of_one_leaf: str = "0") -> NDArray[Any]:
    """Give an attribute of the branches or leaves of all trees."""
    return np.array([value for tree in trees for value in tree[name] or [of_one_leaf]]).astype(kind)


def _floats(numbers: NDArray[np.float64]) -> TensorProto:
    # A threshold above all values is 1e300.
    with np.errstate(over="ignore"):
        return numpy_helper.from_array(numbers.astype(np.float32))
