"""Faces found and described by dlib, in a model process. The gateway itself never imports dlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.box_tracker import overlap
from safelight.detectors.protocol import Keyframe

from .tracks import FaceBox, FaceDetection, best_frames, tracked

NAME, VERSION = "dlib-faces", "resnet-1"
#: Numbers in a template.
WIDTH = 128
_PACKAGE = "face_recognition_models"
_LANDMARKS, _DESCRIBER = "shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"
#: Boxes of other detectors within this of one of ours are the same face.
_SAME = 0.2
#: Stills no larger than this are looked at doubled: the detector sees faces from 80 pixels up.
_DOUBLED = 1000


def missing() -> str | None:
    """One sentence on what is not installed; None where all is."""
    if importlib.util.find_spec("dlib") is None or model_folder() is None:
        return "Faces are described by dlib, which is not installed: pip install 'safelight[likeness]'."
    return None


def model_folder() -> Path | None:
    """Where the models are; the package itself is not imported, for it asks for setuptools."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "models"
    return folder if (folder / _DESCRIBER).is_file() and (folder / _LANDMARKS).is_file() else None


def opened(_options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a model process answers with: `{"stills": [...], "boxes": {...}, "moving": bool}` to tracks."""
    finder = Finder()

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        stills = [Keyframe(**{**still, "path": Path(still["path"])}) for still in request["stills"]]
        boxes = {int(place): [FaceBox(*box) for box in found] for place, found in request["boxes"].items()}
        return {"tracks": finder.tracks(stills, boxes, moving=request["moving"])}

    return answer


class Finder:
    """HOG for faces, five landmarks, and the network that describes them by 128 numbers."""

    def __init__(self) -> None:
        import dlib

        folder = model_folder()
        if folder is None:
            raise FileNotFoundError(missing())
        self._dlib = dlib
        self._detect = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(folder / _LANDMARKS))
        self._describe = dlib.face_recognition_model_v1(str(folder / _DESCRIBER))

    def tracks(
        self, stills: list[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> list[dict[str, Any]]:
        """Every face once: where it is, and a template for each spot that tells."""
        spots = [self._spots(still.pixels(), boxes.get(place, ())) for place, still in enumerate(stills)]
        found = (
            tracked(spots)
            if moving
            else [[FaceDetection(n, box)] for n, one in enumerate(spots) for box in one]
        )
        return [
            {
                "spots": [[spot.still, list(spot.box)] for spot in track],
                "templates": [
                    self.template(stills[spot.still].pixels(), spot.box).tolist()
                    for spot in best_frames(track)
                ],
            }
            for track in found
        ]

    def _spots(self, pixels: npt.NDArray[np.uint8], others: Iterable[FaceBox]) -> list[FaceBox]:
        height, width = pixels.shape[:2]
        doubled = int(max(height, width) <= _DOUBLED)
        found = [
            FaceBox(
                max(one.left(), 0) / width,
                max(one.top(), 0) / height,
                (min(one.right(), width) - max(one.left(), 0)) / width,
                (min(one.bottom(), height) - max(one.top(), 0)) / height,
            )
            for one in self._detect(np.ascontiguousarray(pixels), doubled)
        ]
        # What somebody else took for a face is described, too: nobody's face goes without.
        return [
            *found,
            *(
                box
                for box in others
                if box.area > 0
                and not any(overlap(box, one) >= _SAME or box.holds_middle_of(one) for one in found)
            ),
        ]

    def template(self, pixels: npt.NDArray[np.uint8], box: FaceBox) -> npt.NDArray[np.float64]:
        """128 numbers; the nearer two of them, the more alike the faces."""
        height, width = pixels.shape[:2]
        place = self._dlib.rectangle(
            round(box.x * width),
            round(box.y * height),
            round((box.x + box.w) * width),
            round((box.y + box.h) * height),
        )
        contiguous = np.ascontiguousarray(pixels)
        shape = self._landmarks(contiguous, place)
        return np.asarray(self._describe.compute_face_descriptor(contiguous, shape), np.float64)
