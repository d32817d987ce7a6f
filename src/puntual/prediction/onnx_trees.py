"""Trees read out of an ONNX model, to be walked by the kernel: a fraction of the time that the runtime takes.

The sums are made in the order in which the runtime makes them, so they are the same to the bit. Whatever is no ensemble
of trees under a softmax is left to the runtime.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from puntual.flights.flight import BAND_COUNT
from puntual.prediction.band_kernel import LANES
from puntual.prediction.onnx_schema import attributes_of, read_model

_OLDER, _NEWEST = "TreeEnsembleRegressor", "TreeEnsemble"
_LESS, _LESS_OR_EQUAL, _LEAF = b"BRANCH_LT", b"BRANCH_LEQ", b"LEAF"
_SUM, _IS_LESS_OR_EQUAL = 1, 0
# By side, and whether what is named there is a leaf.
_SIDES = {"nodes_falsenodeids": "nodes_falseleafs", "nodes_truenodeids": "nodes_trueleafs"}
_LEAST = np.float32(-np.inf)
_Attributes = Mapping[str, Any]
_Places = NDArray[np.int64]
_Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The nodes of all trees by their places, whatever the operator; a leaf's children mean nothing."""

    roots: _Places
    columns: _Places
    splits: _Floats
    # 1 where what is missing counts as less than the split.
    missing: _Places
    # Shape (nodes, 2); the second is for what is less than the split.
    children: _Places
    # The row of the weights, or -1 for a branch.
    leaves: _Places
    weights: _Floats
    # The band that each row of weights begins with.
    bands: _Places
    base: _Floats


class Trees(NamedTuple):
    """An ensemble of trees, as `band_kernel.sum_leaves` takes it."""

    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    nodes: NDArray[np.int32]
    weights: _Floats
    bands: NDArray[np.int32]
    # What is added to the sums, shape (bands,).
    base: _Floats
    # The columns that a vector has at the least.
    width: int


def read_trees(content: bytes, columns: NDArray[np.intp]) -> Trees | None:
    """Read the trees of an ONNX model, which reads these columns of a vector; None where it is made of anything else.

    Raise ValueError where it is no model, or its trees do not end or name what is not there.
    """
    try:
        nodes = read_model(content).graph.node
    except DecodeError as error:
        raise ValueError("it is no ONNX model") from error
    if [node.op_type for node in nodes] not in ([_OLDER, "Softmax"], [_NEWEST, "Softmax"]):
        return None
    given = attributes_of(nodes[0])
    if given.get("n_targets") != BAND_COUNT:
        return None
    try:
        read = _of_older(given) if nodes[0].op_type == _OLDER else _of_newest(given)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"its trees cannot be read ({type(error).__name__}: {error})") from error
    return None if read is None else _arranged(read, columns)


def with_sums(content: bytes) -> bytes:
    """Have an ONNX model of trees give their sums too, after its probabilities."""
    model = read_model(content)
    model.graph.output.add(name=model.graph.node[0].output[0])
    written: bytes = model.SerializeToString()
    return written


def _of_older(given: _Attributes) -> _Nodes | None:
    """Read the operator that names each node by its tree and its number there."""
    is_leaf = given["nodes_modes"] == _LEAF
    kinds = set(given["nodes_modes"][~is_leaf].tolist())
    if kinds not in ({_LESS}, {_LESS_OR_EQUAL}) or given.get("aggregate_function", b"SUM") != b"SUM":
        return None
    tree, bands = given["nodes_treeids"], given["n_targets"]
    places = PlacesByName(tree, given["nodes_nodeids"])
    children = np.zeros((len(tree), 2), np.int64)
    for side, name in enumerate(("nodes_falsenodeids", "nodes_truenodeids")):
        children[~is_leaf, side] = places.of(tree[~is_leaf], given[name][~is_leaf])
    leaves = np.where(is_leaf, is_leaf.cumsum() - 1, -1)
    weights = np.zeros((int(is_leaf.sum()), bands), np.float32)
    weighed = leaves[places.of(given["target_treeids"], given["target_nodeids"])]
    weights[weighed, given["target_ids"]] = given["target_weights"]
    splits = given["nodes_values"]
    return _Nodes(
        roots=np.flatnonzero(np.diff(tree, prepend=-1)),
        columns=given["nodes_featureids"],
        splits=splits if kinds == {_LESS} else _next_above(splits),
        missing=given.get("nodes_missing_value_tracks_true", np.zeros(len(tree), np.int64)),
        children=children,
        leaves=leaves,
        weights=weights,
        bands=np.zeros(len(weights), np.int64),
        base=given.get("base_values", np.zeros(bands, np.float32)),
    )


def _of_newest(given: _Attributes) -> _Nodes | None:
    """Read the operator that numbers branches and leaves apart, of which each leaf speaks for one band."""
    weights, branches = given["leaf_weights"], len(given["nodes_splits"])
    if given["aggregate_function"] != _SUM or (given["nodes_modes"] != _IS_LESS_OR_EQUAL).any():
        return None
    sides = [given[child] + branches * given[is_leaf] for child, is_leaf in _SIDES.items()]
    return _Nodes(
        roots=given["tree_roots"],
        columns=_filled(given["nodes_featureids"], len(weights)),
        splits=_filled(_next_above(given["nodes_splits"]), len(weights)),
        missing=_filled(given["nodes_missing_value_tracks_true"], len(weights)),
        children=np.vstack([np.stack(sides, axis=1), np.zeros((len(weights), 2), np.int64)]),
        leaves=np.concatenate([np.full(branches, -1), np.arange(len(weights))]),
        weights=weights.reshape(-1, 1),
        bands=given["leaf_targetids"],
        base=np.zeros(given["n_targets"], np.float32),
    )


class PlacesByName:
    """Finds nodes by their tree and their number there."""

    def __init__(self, trees: _Places, numbers: _Places) -> None:
        self._names = _names(trees, numbers)
        self._order = self._names.argsort()

    def of(self, trees: _Places, numbers: _Places) -> _Places:
        """Give the places of nodes; raise KeyError for one that is not there."""
        wanted = _names(trees, numbers)
        places: _Places = self._order[
            np.searchsorted(self._names, wanted, sorter=self._order).clip(max=len(self._order) - 1)
        ]
        if (strange := self._names[places] != wanted).any():
            raise KeyError(f"node {numbers[strange][0]} of tree {trees[strange][0]}")
        return places


def _names(trees: _Places, numbers: _Places) -> _Places:
    return (trees << 32) + numbers


def _next_above(splits: _Floats) -> _Floats:
    """Turn "at most" into "less than": what is at most a split is less than the next number above it."""
    return np.nextafter(splits, np.float32(np.inf))


def _require_places(nodes: _Nodes, columns: int) -> None:
    count = len(nodes.splits)
    limits = {
        "roots": (nodes.roots, count),
        "children": (nodes.children, count),
        "columns": (nodes.columns, columns),
        "missing": (nodes.missing, 2),
        "leaves": (nodes.leaves + 1, len(nodes.weights) + 1),
        "bands": (nodes.bands, len(nodes.base) - nodes.weights.shape[1] + 1),
    }
    for name, (places, limit) in limits.items():
        if places.size and not 0 <= places.min() <= places.max() < limit:
            raise ValueError(f"its trees name {name} that are not there")
    sizes = {len(of) for of in (nodes.columns, nodes.missing, nodes.children, nodes.leaves)}
    if sizes != {count} or len(nodes.bands) != len(nodes.weights):
        raise ValueError("its trees say less of some nodes than of others")


def _arranged(nodes: _Nodes, columns: NDArray[np.intp]) -> Trees:
    _require_places(nodes, len(columns))
    place, first_child, levels, band_of = _level_by_level(nodes)
    leaf = nodes.leaves.take(place)
    is_leaf = leaf >= 0
    spare = -len(nodes.roots) % LANES
    packed = np.zeros((len(place) + 1, 4), np.int32)
    column = columns.take(nodes.columns.take(place))
    width = 1 + int(column[~is_leaf].max(initial=0))
    # What is missing is shown as less than any split in the second half, and as more in the first.
    packed[:-1, 0] = np.where(is_leaf, 0, column + width * nodes.missing.take(place))
    splits = np.maximum(nodes.splits.take(place), np.finfo(np.float32).min)
    # Nothing is less than a leaf's, so that it is followed by itself.
    packed[:-1, 1] = np.where(is_leaf, _LEAST, splits).view(np.int32)
    packed[:-1, 2] = 4 * first_child
    packed[:-1, 3] = leaf
    # Trees that are missing to a whole number of eight are one leaf, which weighs nothing.
    packed[-1] = 0, _LEAST.view(np.int32), 4 * len(place), len(nodes.weights)
    return Trees(
        roots=4 * np.append(np.arange(len(nodes.roots)), np.full(spare, len(place))).astype(np.int32),
        depths=_filled(levels, spare).reshape(-1, LANES).max(axis=1).astype(np.int32),
        nodes=packed.ravel(),
        weights=np.vstack([nodes.weights, np.zeros((1, nodes.weights.shape[1]), np.float32)]),
        bands=_filled(band_of, spare).astype(np.int32),
        base=nodes.base,
        width=width,
    )


def _level_by_level(nodes: _Nodes) -> tuple[_Places, _Places, _Places, _Places]:
    """Put the nodes in a row, roots first, two children side by side: their places, and the first child of each.

    Also how many levels each tree has below its root, and the band that it begins to speak for. Raise ValueError for
    trees that do not end, or whose leaves speak for several bands, each for one.
    """
    rows: list[_Places] = []
    trees: list[_Places] = []
    levels = np.zeros(len(nodes.roots), np.int64)
    place, tree, met, branches = nodes.roots, np.arange(len(nodes.roots)), 0, nodes.leaves < 0
    while len(place):
        levels[tree] = len(rows)
        rows.append(place)
        trees.append(tree)
        met += len(place)
        # The one leaf of a tree may be on both sides of its root.
        if met > 2 * len(nodes.splits):
            raise ValueError("its trees do not end")
        below = np.flatnonzero(branches.take(place))
        place = nodes.children.take(place.take(below), axis=0).ravel()
        tree = tree.take(below).repeat(2)
    places, tree = np.concatenate(rows), np.concatenate(trees)
    leaf = nodes.leaves.take(places)
    is_branch = leaf < 0
    # The two children of a branch follow those of the branches before it, and all of them the roots.
    first_children = np.where(
        is_branch, len(nodes.roots) + 2 * (is_branch.cumsum() - 1), np.arange(len(places))
    )
    ends = np.flatnonzero(~is_branch)
    return places, first_children, levels, _band_of_each(tree.take(ends), nodes.bands.take(leaf.take(ends)))


def _band_of_each(trees: _Places, bands: _Places) -> _Places:
    """Give the band that the leaves of each tree speak for, of which there is one at least."""
    band_of = np.full(trees.max(initial=-1) + 1, -1)
    band_of[trees] = bands
    if (band_of.take(trees) != bands).any():
        raise ValueError("a tree has leaves for several bands, each for one")
    return band_of


def _filled(values: NDArray[Any], more: int) -> NDArray[Any]:
    return np.concatenate([values, np.zeros(more, values.dtype)])
