"""Minimal protobuf writer for ONNX models, so that the package `onnx` is not needed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FLOAT, UINT8, INT8, INT64 = 1, 2, 3, 7
_TYPES = {"float32": FLOAT, "uint8": UINT8, "int8": INT8, "int64": INT64}

Attribute: TypeAlias = int | float | Sequence[int]


def tensor(name: str, array: npt.NDArray[Any]) -> bytes:
    """A TensorProto with these values."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return b"".join(
        [
            *(_number(1, size) for size in array.shape),
            _number(2, _TYPES[array.dtype.name]),
            length_delimited(8, name.encode()),
            length_delimited(9, np.ascontiguousarray(little).tobytes()),
        ]
    )


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Attribute) -> bytes:
    """A NodeProto of the default operator set."""
    return b"".join(
        [
            *(length_delimited(1, name.encode()) for name in inputs),
            *(length_delimited(2, name.encode()) for name in outputs),
            length_delimited(3, outputs[0].encode()),
            length_delimited(4, kind.encode()),
            *(length_delimited(5, _attribute(name, value)) for name, value in attributes.items()),
        ]
    )


def value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto; a `str` in the shape is a free dimension of that name."""
    dimensions = b"".join(
        length_delimited(1, length_delimited(2, size.encode()) if isinstance(size, str) else _number(1, size))
        for size in shape
    )
    return length_delimited(1, name.encode()) + length_delimited(
        2, length_delimited(1, _number(1, kind) + length_delimited(2, dimensions))
    )


class OnnxGraph(NamedTuple):
    """Parts of a GraphProto, each already encoded."""

    name: str
    nodes: Sequence[bytes]
    tensors: Sequence[bytes]
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]


def model(graph: OnnxGraph, *, opset: int, ir_version: int) -> bytes:
    """A ModelProto with this graph, which a runtime can load."""
    body = b"".join(
        [
            *(length_delimited(1, one) for one in graph.nodes),
            length_delimited(2, graph.name.encode()),
            *(length_delimited(5, one) for one in graph.tensors),
            *(length_delimited(11, one) for one in graph.inputs),
            *(length_delimited(12, one) for one in graph.outputs),
        ]
    )
    return b"".join(
        [
            _number(1, ir_version),
            length_delimited(2, b"safelight"),
            length_delimited(7, body),
            length_delimited(8, length_delimited(1, b"") + _number(2, opset)),
        ]
    )


def add_outputs(model: bytes, outputs: Sequence[bytes]) -> bytes:
    """The encoded model with more of its values as outputs."""
    # A decoder joins the parts of a message that it finds in several places.
    return model + length_delimited(7, b"".join(length_delimited(12, one) for one in outputs))


def _attribute(name: str, given: Attribute) -> bytes:
    if isinstance(given, float):
        body = _key(2, 5) + struct.pack("<f", given) + _number(20, 1)
    elif isinstance(given, int):
        body = _number(3, given) + _number(20, 2)
    else:
        body = b"".join(_number(8, one) for one in given) + _number(20, 7)
    return length_delimited(1, name.encode()) + body


def _varint(number: int) -> bytes:
    number &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, number: int) -> bytes:
    return _key(field, 0) + _varint(number)


def length_delimited(field: int, data: bytes) -> bytes:
    """A field of a protobuf message with these bytes: a text, a message, or packed numbers."""
    return _key(field, 2) + _varint(len(data)) + data
