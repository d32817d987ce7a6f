"""XGBoost's trees with a value for each band in every leaf, written as ONNX, which no converter does yet.

One such tree does the work of five that each speak for one band. The JSON is that of XGBoost's model schema:
https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper
from xgboost import XGBClassifier

from puntual.flights.flight import BAND_COUNT

_LEAF = -1


def convert_vector_leaves(
    classifier: XGBClassifier, inputs: str, output: str, opsets: dict[str, int], ir_version: int
) -> ModelProto:
    """Write a fitted classifier as ONNX, from its columns to the probabilities of the bands, shape (n, 5)."""
    learner = json.loads(classifier.get_booster().save_raw("json"))["learner"]
    trees = [_tree(place, tree) for place, tree in enumerate(learner["gradient_booster"]["model"]["trees"])]
    joined = {name: np.concatenate([tree[name] for tree in trees]).tolist() for name in trees[0]}
    branches = joined.pop("nodes_branch")
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            [inputs],
            ["logits"],
            domain="ai.onnx.ml",
            n_targets=BAND_COUNT,
            base_values=json.loads(learner["learner_model_param"]["base_score"]),
            nodes_modes=["BRANCH_LT" if branch else "LEAF" for branch in branches],
            **joined,
        ),
        helper.make_node("Softmax", ["logits"], [output], axis=1),
    ]
    columns = classifier.n_features_in_
    graph = helper.make_graph(
        nodes,
        "vector_leaves",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, BAND_COUNT])],
    )
    versions = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return helper.make_model(graph, opset_imports=versions, ir_version=ir_version)


def _tree(place: int, tree: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Give the attributes of one tree's nodes; a leaf's right child is the number of its weights."""
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    branch = left != _LEAF
    leaves = np.flatnonzero(~branch)
    weights = np.array(tree["leaf_weights"], np.float32).reshape(-1, BAND_COUNT)[right[leaves]]
    return {
        "nodes_treeids": np.full(len(left), place),
        "nodes_nodeids": np.arange(len(left)),
        "nodes_featureids": np.where(branch, tree["split_indices"], 0),
        "nodes_values": np.where(branch, np.array(tree["split_conditions"], np.float32), 0),
        "nodes_missing_value_tracks_true": np.array(tree["default_left"]),
        "nodes_truenodeids": np.where(branch, left, 0),
        "nodes_falsenodeids": np.where(branch, right, 0),
        "nodes_branch": branch,
        "target_treeids": np.full(weights.size, place),
        "target_nodeids": np.repeat(leaves, BAND_COUNT),
        "target_ids": np.tile(np.arange(BAND_COUNT), len(leaves)),
        "target_weights": weights.ravel(),
    }
