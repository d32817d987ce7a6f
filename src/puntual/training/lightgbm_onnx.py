"""LightGBM's trees, written as ONNX's newest operator of trees: a third of the bytes, and of the memory of who asks.

The older operator, which the converter writes, has nine attributes of each node, be it a leaf, and the runtime keeps
them all beside the trees that it makes of them: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from puntual.flights.flight import BAND_COUNT

_OPSET, _IR_VERSION = 5, 10
_SUM = 1
_SIDES = {"nodes_truenodeids": "nodes_trueleafs", "nodes_falsenodeids": "nodes_falseleafs"}
# A leaf's mode is never read.
_MODES = {b"BRANCH_LEQ": 0, b"LEAF": 0}


def compact_trees(model: ModelProto) -> ModelProto:
    """Write anew a converted classifier, from its columns to the probabilities of the bands, shape (n, 5).

    The sums of its trees stay the same to the bit; the softmax of them is that of ONNX itself, not the old operator's.
    """
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in trees.attribute}
    nodes = [
        helper.make_node(
            "TreeEnsemble",
            trees.input,
            ["logits"],
            domain="ai.onnx.ml",
            n_targets=BAND_COUNT,
            aggregate_function=_SUM,
            **_branches(given),
            **_leaves(given),
        ),
        helper.make_node("Softmax", ["logits"], [model.graph.output[0].name], axis=1),
    ]
    graph = helper.make_graph(nodes, model.graph.name, model.graph.input, model.graph.output)
    versions = [
        helper.make_opsetid(operators.domain, _OPSET if operators.domain else operators.version)
        for operators in model.opset_import
    ]
    return helper.make_model(graph, opset_imports=versions, ir_version=_IR_VERSION)


def _branches(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of all nodes that branch; a tree that is one leaf branches to it on both sides."""
    tree, is_leaf = np.array(given["nodes_treeids"]), _is_leaf(given)
    roots = np.flatnonzero(np.diff(tree, prepend=-1))
    branches = ~is_leaf
    branches[roots] = True
    numbers = np.where(is_leaf, is_leaf.cumsum(), branches.cumsum()) - 1
    sides: dict[str, list[int]] = {}
    for children, are_leaves in _SIDES.items():
        places = _places(given, "nodes_treeids", children)
        child = np.where(is_leaf, np.arange(len(tree)), places)[branches]
        sides |= {children: numbers[child].tolist(), are_leaves: is_leaf[child].astype(int).tolist()}
    of_nodes = {
        name: np.array(given[name])[branches].tolist()
        for name in ("nodes_featureids", "nodes_missing_value_tracks_true")
    }
    modes = np.array([_MODES[mode] for mode in given["nodes_modes"]], np.uint8)
    return {
        "tree_roots": (branches.cumsum() - 1)[roots].tolist(),
        "nodes_modes": numpy_helper.from_array(modes[branches]),
        "nodes_splits": numpy_helper.from_array(np.array(given["nodes_values"], np.float32)[branches]),
        **of_nodes,
        **sides,
    }


def _leaves(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of all leaves, in the order of the nodes."""
    order = _places(given, "class_treeids", "class_nodeids").argsort()
    weights = np.array(given["class_weights"], np.float32)[order]
    return {
        "leaf_targetids": np.array(given["class_ids"])[order].tolist(),
        "leaf_weights": numpy_helper.from_array(weights),
    }


def _is_leaf(given: Mapping[str, Any]) -> NDArray[np.bool_]:
    return np.array([mode == b"LEAF" for mode in given["nodes_modes"]])


def _places(given: Mapping[str, Any], trees: str, nodes: str) -> NDArray[np.intp]:
    """Find the places of nodes, each named by its tree and its number there."""
    named = zip(given["nodes_treeids"], given["nodes_nodeids"], strict=True)
    place_of = {name: place for place, name in enumerate(named)}
    return np.array([place_of[name] for name in zip(given[trees], given[nodes], strict=True)], np.intp)
