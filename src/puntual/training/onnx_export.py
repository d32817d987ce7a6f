"""From fitted experts to one ONNX model, and the proof that both answer alike."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from onnx.utils import Extractor
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from xgboost import XGBClassifier

from puntual.errors import ConversionError
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import LEVEL_COLUMNS
from puntual.training.experts import Expert, Experts
from puntual.training.xgboost_onnx import convert_vector_leaves

TOLERANCE = 1e-5
_OPSET = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 8
_INPUT, _OUTPUT = "vector", "bands"


def convert(experts: Experts) -> bytes:
    """Turn fitted experts into one ONNX model from the whole vector to the five bands.

    Each flight is asked of its own expert alone: the rows are parted, answered and put back in their order.
    """
    _register()
    halves = [
        _half(expert, side) for side, expert in (("known", experts.known), ("unknown", experts.unknown))
    ]
    joined = compose.merge_models(*halves, io_map=[])
    _import_once(joined, halves[0])
    parted = _level(_part(), halves[0])
    asked = compose.merge_models(
        parted, joined, io_map=[(f"{side}_rows", f"{side}_vector") for side in _SIDES], outputs=_PARTED
    )
    _import_once(asked, halves[0])
    order = _level(_order(), halves[0])
    model = compose.merge_models(asked, order, io_map=[(name, f"{name}_in") for name in _PARTED])
    _import_once(model, model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def largest_difference(experts: Experts, model: bytes, matrix: Matrix) -> float:
    """Give the largest difference between the estimator's and ONNX's probabilities over n real flights."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answered = session.run([_OUTPUT], {_INPUT: matrix})[0]
    return float(np.abs(experts.predict_proba(matrix) - answered).max())


def prove(experts: Experts, model: bytes, matrix: Matrix, name: str) -> float:
    """Give the largest difference over n real flights, and refuse a model that differs by more than 1e-5."""
    difference = largest_difference(experts, model, matrix)
    if not difference <= TOLERANCE:
        raise ConversionError(
            f"{name}: ONNX and estimator differ by {difference:.2g} on {len(matrix)} flights; expected at most "
            f"{TOLERANCE:g}; leave this candidate out with --candidates"
        )
    return difference


def trees_of(model: bytes) -> int:
    """Count the trees that one flight walks through, in both experts."""
    graph = onnx.load_model_from_string(model).graph
    named = (
        set(attribute.ints)
        for node in graph.node
        for attribute in node.attribute
        if attribute.name == "nodes_treeids"
    )
    return sum(map(len, named))


_SIDES = ("known", "unknown")
_PARTED = [f"{side}_{what}" for what in ("bands", "places") for side in _SIDES]


def _register() -> None:
    update_registered_converter(
        LGBMClassifier,
        LGBMClassifier.__name__,
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
        overwrite=True,
    )


def _half(expert: Expert, side: str) -> onnx.ModelProto:
    """Gather the expert's columns and ask its model, which answers under the name of its side."""
    model = compose.add_prefix(_probabilities(expert), f"{side}_")
    probabilities = model.graph.output[0].name
    gather = _graph(
        [
            helper.make_node(
                "Gather", [f"{side}_vector", f"{side}_columns_read"], [f"{side}_gathered"], axis=1
            )
        ],
        [_tensor(f"{side}_vector", len(COLUMNS))],
        [_tensor(f"{side}_gathered", len(expert.columns))],
        {f"{side}_columns_read": expert.columns.astype(np.int64)},
    )
    asked = compose.merge_models(
        _level(gather, model), model, io_map=[(f"{side}_gathered", f"{side}_columns")]
    )
    _import_once(asked, model)
    asked.graph.output[0].name = f"{side}_bands"
    for node in asked.graph.node:
        node.input[:] = [f"{side}_bands" if name == probabilities else name for name in node.input]
        node.output[:] = [f"{side}_bands" if name == probabilities else name for name in node.output]
    return asked


def _probabilities(expert: Expert) -> onnx.ModelProto:
    """Convert the classifier, from its own columns to the probabilities alone."""
    if isinstance(expert.classifier, XGBClassifier):
        return convert_vector_leaves(expert.classifier, "columns", "probabilities", _OPSET, _IR_VERSION)
    kind = [("columns", FloatTensorType([None, len(expert.columns)]))]
    model = convert_sklearn(
        expert.classifier, initial_types=kind, target_opset=_OPSET, options={"zipmap": False}
    )
    # Without the label, and the nodes that only it needs: some of them refuse to be asked about no flights.
    _, probabilities_of = (output.name for output in model.graph.output)
    return Extractor(model).extract_model(["columns"], [probabilities_of])


def _part() -> onnx.ModelProto:
    """Part the rows by whether the vector has any history, and say where each part stood."""
    nodes = [
        helper.make_node("Gather", [_INPUT, "sentinel"], ["rate"], axis=1),
        helper.make_node("IsNaN", ["rate"], ["unknown"]),
        helper.make_node("Not", ["unknown"], ["known"]),
    ]
    for side in _SIDES:
        nodes += [
            helper.make_node("Compress", [_INPUT, side], [f"{side}_rows"], axis=0),
            helper.make_node("NonZero", [side], [f"{side}_found"]),
            helper.make_node("Transpose", [f"{side}_found"], [f"{side}_places"]),
        ]
    outputs = [_tensor(f"{side}_rows", len(COLUMNS)) for side in _SIDES]
    outputs += [_places(f"{side}_places") for side in _SIDES]
    sentinel = {"sentinel": np.int64(LEVEL_COLUMNS[-1])}
    return _graph(nodes, [_tensor(_INPUT, len(COLUMNS))], outputs, sentinel)


def _order() -> onnx.ModelProto:
    """Put the answers of both experts where their flights stood."""
    nodes = [
        helper.make_node("Concat", [f"{side}_bands_in" for side in _SIDES], ["parted"], axis=0),
        helper.make_node("Concat", [f"{side}_places_in" for side in _SIDES], ["places"], axis=0),
        helper.make_node("Shape", ["parted"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["blank"]),
        helper.make_node("ScatterND", ["blank", "places", "parted"], [_OUTPUT]),
    ]
    inputs = [_tensor(f"{side}_bands_in", BAND_COUNT) for side in _SIDES]
    inputs += [_places(f"{side}_places_in") for side in _SIDES]
    return _graph(nodes, inputs, [_tensor(_OUTPUT, BAND_COUNT)], {})


def _level(small: onnx.ModelProto, like: onnx.ModelProto) -> onnx.ModelProto:
    """Give a hand-made graph the versions of a converted one, which merging asks for."""
    small.ir_version = like.ir_version
    _import_once(small, like)
    return small


def _import_once(model: onnx.ModelProto, like: onnx.ModelProto) -> None:
    """Name each operator set once: merging lists those of both sides, and then refuses its own list."""
    imported = {opset.domain: opset.version for opset in like.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in imported.items())


def _graph(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: Mapping[str, NDArray[np.int64] | np.int64],
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "puntual", inputs, outputs, initializers)
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSET.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def _tensor(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])


def _places(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, [None, 1])
