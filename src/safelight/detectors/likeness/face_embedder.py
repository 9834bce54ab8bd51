"""Faces described in a model process, which holds dlib and its models once for the whole gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from safelight.detectors.models.process import ModelProcess
from safelight.detectors.protocol import Keyframe
from safelight.sandbox.entrypoints import EntryPoint

from . import dlib_faces
from .dlib_faces import WIDTH
from .faces import FaceTrack
from .tracks import FaceBox, FaceDetection


class DlibFaceEmbedder:
    """A `Describer`. Templates come back over a pipe and are never written anywhere by it."""

    def __init__(self, process: ModelProcess | None = None, *, timeout_s: float = 120.0) -> None:
        self._process = process or ModelProcess(EntryPoint.of(dlib_faces.opened), {})
        self._timeout_s = timeout_s

    def tracks(
        self, stills: Sequence[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> tuple[FaceTrack, ...]:
        """Every face in the stills. Raises `ModelFailed`, and `ValueError` for an answer that is none."""
        answer = self._process.call(
            {
                "stills": [
                    {
                        "frame": still.frame,
                        "start_s": still.start_s,
                        "end_s": still.end_s,
                        "path": str(still.path),
                        "width": still.width,
                        "height": still.height,
                    }
                    for still in stills
                ],
                "boxes": {str(place): [list(box) for box in found] for place, found in boxes.items()},
                "moving": moving,
            },
            timeout_s=self._timeout_s,
        )
        return tuple(_track(one, len(stills)) for one in answer["tracks"])

    def close(self) -> None:
        self._process.close()


def _track(raw: dict[str, Any], stills: int) -> FaceTrack:
    templates = tuple(np.asarray(one, np.float64) for one in raw["templates"])
    spots = tuple(FaceDetection(int(still), FaceBox(*box)) for still, box in raw["spots"])
    if not spots or not templates or any(not 0 <= spot.still < stills for spot in spots):
        raise ValueError("a face without a place")
    if any(one.shape != (WIDTH,) or not np.isfinite(one).all() for one in templates):
        raise ValueError("a template that is none")
    return FaceTrack(spots=spots, templates=templates)
