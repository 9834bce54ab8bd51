"""BlazeFace (full range): the model that finds larger faces at a low cost, run by OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats, Pixels
from safelight.detectors.box_tracker import Box

from .face_boxes import ScoredFace, clip_box
from .scaling import scale_picture

_INPUT_SIDE_PX = 192
#: The places of the output are a square of as many rows and columns.
_PLACES = 48


def decode_faces(logits: Floats, boxes: Floats, picture: Box, min_score: float) -> list[ScoredFace]:
    """The faces in the model's output: arrays of (places, 1), and of (places, 4 or more) in pixels.

    `picture`: the place of the picture in the square input. A face has several boxes; see
    `remove_duplicates`. Raises `ValueError` if the output is not finite.
    """
    if not (np.isfinite(logits).all() and np.isfinite(boxes).all()):
        raise ValueError("the model returned values that are not finite")
    left, top, width, height = picture
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -80, 80)))
    faces = []
    for place in np.flatnonzero(scores >= min_score).tolist():
        across, down, wide, high = (float(value) / _INPUT_SIDE_PX for value in boxes[place, :4])
        x = across + (place % _PLACES + 0.5) / _PLACES
        y = down + (place // _PLACES + 0.5) / _PLACES
        box = clip_box(
            (x - wide / 2 - left) / width,
            (y - high / 2 - top) / height,
            (x + wide / 2 - left) / width,
            (y + high / 2 - top) / height,
        )
        if box[2] > 0 and box[3] > 0:
            faces.append(ScoredFace(float(scores[place]), box))
    return faces


class BlazeFace:
    """The model. Faces with a score below `min_score` are left out."""

    def __init__(self, model: bytes, *, min_score: float) -> None:
        import cv2

        self._network: Any = cv2.dnn.readNetFromTFLite(np.frombuffer(model, np.uint8))
        self._outputs = self._network.getUnconnectedOutLayersNames()
        self._min_score = min_score

    def find_faces(self, pixels: Pixels) -> list[ScoredFace]:
        """The faces in a picture of any size, with several boxes for each."""
        square, picture = _letterbox(pixels)
        scaled = (square.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        self._network.setInput(np.ascontiguousarray(scaled))
        by_width = {output.shape[-1]: output[0] for output in self._network.forward(self._outputs)}
        logits = by_width.pop(1)
        (boxes,) = by_width.values()
        return decode_faces(logits, boxes, picture, self._min_score)


def _letterbox(pixels: Pixels) -> tuple[npt.NDArray[np.uint8], Box]:
    """The picture in the middle of a black square, and its place there."""
    scaled = scale_picture(pixels, _INPUT_SIDE_PX / max(pixels.shape[:2]))
    high, wide = scaled.shape[:2]
    square = np.zeros((_INPUT_SIDE_PX, _INPUT_SIDE_PX, 3), np.uint8)
    left, top = (_INPUT_SIDE_PX - wide) // 2, (_INPUT_SIDE_PX - high) // 2
    square[top : top + high, left : left + wide] = scaled
    return square, (
        left / _INPUT_SIDE_PX,
        top / _INPUT_SIDE_PX,
        wide / _INPUT_SIDE_PX,
        high / _INPUT_SIDE_PX,
    )
