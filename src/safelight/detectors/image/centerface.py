"""CenterFace: the model that finds small faces too, run by onnxruntime. OpenCV returns wrong faces for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from safelight.core.arrays import Floats, Pixels
from safelight.detectors.onnx_session import open_session
from safelight.detectors.onnx_writer import length_delimited

from .face_boxes import ScoredFace, clip_box

_INPUT = "input.1"
#: Heat map of faces, and sizes and offsets of their boxes at each place of it.
_OUTPUTS = ("537", "538", "539")
#: The network halves its input five times, so sides must be multiples of this.
STRIDE = 32
#: Pixels of the input for each place of the output.
_CELL = 4
#: Logarithm of a size, in places, that no picture reaches.
_MAX_LOG_SIZE = 10.0

#: Fields of the protobuf messages ModelProto and GraphProto.
_GRAPH, _GRAPH_INPUT, _GRAPH_OUTPUT = 7, 11, 12
_LENGTH_DELIMITED, _VARINT = 2, 0
#: A dimension of a fixed size, and one of any size with as many bytes.
_FIXED_SIZES = tuple(b"\n\x02\x08" + bytes([size]) for size in (10, 32, 8))
_ANY_SIZE = b"\n\x02\x12\x00"


class CenterFace:
    """The model. Faces with a score below `min_score` are left out."""

    def __init__(self, model: bytes, *, min_score: float) -> None:
        self._session = open_session(free_input_size(model))
        self._min_score = min_score

    def find_faces(self, pixels: Pixels) -> list[ScoredFace]:
        """The faces in a picture at its own size, with several boxes for each."""
        height, width = pixels.shape[:2]
        heat, sizes, offsets = self._session.run(_OUTPUTS, {_INPUT: _make_input(pixels)})
        return decode_faces(heat[0, 0], sizes[0], offsets[0], width, height, self._min_score)


def _make_input(pixels: Pixels) -> Floats:
    """The model's input, (1, 3, height, width), from RGB pixels; the right and bottom edges are padded."""
    height, width = pixels.shape[:2]
    padded = np.zeros((1, 3, -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE), np.float32)
    padded[0, :, :height, :width] = pixels.transpose(2, 0, 1)
    return padded


def decode_faces(
    heat: Floats, sizes: Floats, offsets: Floats, width: int, height: int, min_score: float
) -> list[ScoredFace]:
    """The faces in the model's output: arrays of (rows, columns), (2, rows, columns) and (2, rows, columns).

    `width` and `height` are those of the input without padding. A face has several boxes; see
    `remove_duplicates`. Raises `ValueError` if the output is not finite.
    """
    if not all(np.isfinite(values).all() for values in (heat, sizes, offsets)):
        raise ValueError("the model returned values that are not finite")
    faces = []
    for row, column in np.argwhere(heat >= min_score).tolist():
        high, wide = np.exp(np.minimum(sizes[:, row, column], _MAX_LOG_SIZE)).tolist()
        down, across = offsets[:, row, column].tolist()
        y, x = row + down + 0.5, column + across + 0.5
        box = clip_box(
            (x - wide / 2) * _CELL / width,
            (y - high / 2) * _CELL / height,
            (x + wide / 2) * _CELL / width,
            (y + high / 2) * _CELL / height,
        )
        if box[2] > 0 and box[3] > 0:
            faces.append(ScoredFace(min(float(heat[row, column]), 1.0), box))
    return faces


# The published graph has a fixed input of ten pictures of 32 pixels and lists its weights as inputs, which
# keeps onnxruntime from preparing them. A change of the declarations alone frees the size.


def free_input_size(model: bytes) -> bytes:
    """The same ONNX model for pictures of any size. Raises `ValueError` for bytes that are not a model."""
    changed = []
    for field, whole, content in _fields(model):
        if field == _GRAPH:
            graph = b"".join(_free_declarations(content))
            changed.append(length_delimited(_GRAPH, graph))
        else:
            changed.append(whole)
    return b"".join(changed)


def _free_declarations(graph: bytes) -> Iterator[bytes]:
    named = b"\n" + bytes([len(_INPUT)]) + _INPUT.encode()
    for field, whole, content in _fields(graph):
        if field == _GRAPH_INPUT and not content.startswith(named):
            continue
        if field in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            for fixed in _FIXED_SIZES:
                whole = whole.replace(fixed, _ANY_SIZE)
        yield whole


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The fields of a protobuf message: number, all bytes, and content (empty for a number)."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _decode_varint(message, at)
        length, at = _decode_varint(message, at)
        if tag & 7 == _VARINT:
            length = 0
        elif tag & 7 != _LENGTH_DELIMITED or at + length > len(message):
            raise ValueError("this is not an ONNX model")
        yield tag >> 3, message[start : at + length], message[at : at + length]
        at += length


def _decode_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number and the place after it."""
    number = shift = 0
    while at < len(message):
        number |= (message[at] & 127) << shift
        if message[at] < 128:
            return number, at + 1
        at, shift = at + 1, shift + 7
    raise ValueError("this is not an ONNX model")
