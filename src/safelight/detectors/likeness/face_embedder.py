"""Computes face templates in a model process. One process holds dlib and its models for the whole gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from safelight.detectors.models.process import ModelProcess
from safelight.detectors.protocol import Keyframe
from safelight.media.sandbox.entrypoints import EntryPoint

from . import dlib_faces
from .dlib_faces import TEMPLATE_WIDTH
from .faces import FaceTrack
from .tracks import FaceBox, FaceDetection

_TIMEOUT_S = 120.0


class DlibFaceEmbedder:
    """A `FaceEmbedder`. It receives templates through a pipe and never stores them."""

    def __init__(self) -> None:
        self._process = ModelProcess(EntryPoint.of(dlib_faces.load), {})

    def find_tracks(
        self, keyframes: Sequence[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> tuple[FaceTrack, ...]:
        """Find all faces in the keyframes. Raises `ModelFailed`, and `ValueError` if the model's answer is
        invalid.
        """
        answer = self._process.call(
            {
                "keyframes": [keyframe.as_json() for keyframe in keyframes],
                "boxes": {str(place): [list(box) for box in found] for place, found in boxes.items()},
                "moving": moving,
            },
            timeout_s=_TIMEOUT_S,
        )
        return tuple(_parse_track(one, len(keyframes)) for one in answer["tracks"])

    def close(self) -> None:
        self._process.close()


def _parse_track(raw: dict[str, Any], keyframes: int) -> FaceTrack:
    templates = tuple(np.asarray(one, np.float64) for one in raw["templates"])
    spots = tuple(FaceDetection(int(keyframe), FaceBox(*box)) for keyframe, box in raw["spots"])
    if not spots or not templates or any(not 0 <= spot.keyframe < keyframes for spot in spots):
        raise ValueError("the model process returned a face without a valid place")
    if any(one.shape != (TEMPLATE_WIDTH,) or not np.isfinite(one).all() for one in templates):
        raise ValueError("the model process returned an invalid template")
    return FaceTrack(detections=spots, templates=templates)
