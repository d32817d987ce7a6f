"""As much of ONNX's format as trees need, read by Protocol Buffers: the package `onnx` is a training library."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "puntual_onnx"
# The numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; fields that are not named are kept unread.
_MESSAGES = {
    "ModelProto": {"graph": (7, "GraphProto")},
    "GraphProto": {"node": (1, "NodeProto*"), "output": (12, "ValueInfoProto*")},
    "ValueInfoProto": {"name": (1, "string")},
    "NodeProto": {"output": (2, "string*"), "op_type": (4, "string"), "attribute": (5, "AttributeProto*")},
    "AttributeProto": {
        "name": (1, "string"),
        "i": (3, "int64"),
        "s": (4, "bytes"),
        "t": (5, "TensorProto"),
        "floats": (7, "float*"),
        "ints": (8, "int64*"),
        "strings": (9, "bytes*"),
        "type": (20, "int32"),
    },
    "TensorProto": {
        "data_type": (2, "int32"),
        "float_data": (4, "float*"),
        "int32_data": (5, "int32*"),
        "raw_data": (9, "bytes"),
    },
}
_KINDS = {"string": 9, "bytes": 12, "int64": 3, "int32": 5, "float": 2}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3
_FLOAT, _UINT8 = 1, 2
# How an attribute's value is read, by its type.
_VALUES: dict[int, Callable[[Any], Any]] = {
    2: lambda attribute: attribute.i,
    3: lambda attribute: attribute.s,
    4: lambda attribute: _array(attribute.t),
    6: lambda attribute: np.array(attribute.floats, np.float32),
    7: lambda attribute: np.array(attribute.ints, np.int64),
    8: lambda attribute: np.array(attribute.strings, object),
}


def read_model(content: bytes) -> Any:
    """Read the nodes and the outputs of a model; raise `google.protobuf.message.DecodeError` for what is none."""
    return _model().FromString(content)


def attributes_of(node: Any) -> dict[str, Any]:
    """Read the attributes of a node, by their names: numbers, bytes, and arrays of them.

    Raise ValueError for an attribute, or a tensor, of a type that trees do not have.
    """
    strange = [attribute.name for attribute in node.attribute if attribute.type not in _VALUES]
    if strange:
        raise ValueError(f"{node.op_type} has an attribute {strange[0]!r} of an unknown type")
    return {attribute.name: _VALUES[attribute.type](attribute) for attribute in node.attribute}


def _array(tensor: Any) -> Any:
    if tensor.data_type not in (_FLOAT, _UINT8):
        raise ValueError(f"a tensor of the type {tensor.data_type}")
    kind, plain = (
        (np.float32, tensor.float_data) if tensor.data_type == _FLOAT else (np.uint8, tensor.int32_data)
    )
    return np.frombuffer(tensor.raw_data, kind) if tensor.raw_data else np.array(plain, kind)


@cache
def _model() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            plain = kind.rstrip("*")
            described = message.field.add(name=field, number=number)
            described.label = _REPEATED if kind.endswith("*") else _OPTIONAL
            described.type = _KINDS.get(plain, _MESSAGE)
            if plain in _MESSAGES:
                described.type_name = f".{_PACKAGE}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.ModelProto"))
