"""Face detection and face templates with dlib, in a separate model process. The gateway itself never
imports dlib.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.core.installation import find_package_folder, install_command
from safelight.detectors.box_tracker import intersection_over_union
from safelight.detectors.protocol import Keyframe

from .tracks import FaceBox, FaceDetection, best_frames, track_faces

NAME, VERSION = "dlib-faces", "resnet-1"
#: Number of values in a template.
TEMPLATE_WIDTH = 128
_PACKAGE = "face_recognition_models"
_LANDMARKS_FILE, _EMBEDDER_FILE = (
    "shape_predictor_5_face_landmarks.dat",
    "dlib_face_recognition_resnet_model_v1.dat",
)
#: A box of another detector and a box of ours show the same face if they overlap at least this much.
_MIN_SAME_FACE_OVERLAP = 0.2
#: Keyframes up to this longest side are enlarged twofold, because the detector finds only faces of 80 pixels
#: or more.
_MAX_DOUBLED_SIDE_PX = 1000


def missing_package() -> str | None:
    """One sentence that names the missing package; None if everything is installed."""
    if importlib.util.find_spec("dlib") is None or find_model_folder() is None:
        return f"dlib, which computes face templates, is not installed: {install_command('likeness')}."
    return None


def find_model_folder() -> Path | None:
    """The folder of the models; None if they are missing. Their package is not imported, because it needs
    setuptools.
    """
    package = find_package_folder(_PACKAGE)
    if package is None:
        return None
    folder = package / "models"
    return folder if (folder / _EMBEDDER_FILE).is_file() and (folder / _LANDMARKS_FILE).is_file() else None


def load(_options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the function that answers a request `{"keyframes": [...], "boxes": {...}, "moving": bool}` with
    face tracks.
    """
    finder = FaceFinder()

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        keyframes = [Keyframe.from_json(raw) for raw in request["keyframes"]]
        boxes = {int(place): [FaceBox(*box) for box in found] for place, found in request["boxes"].items()}
        return {"tracks": finder.find_tracks(keyframes, boxes, moving=request["moving"])}

    return answer


class FaceFinder:
    """Combines dlib's HOG face detector, its model for five landmarks, and its network for templates of
    128 values.
    """

    def __init__(self) -> None:
        import dlib

        folder = find_model_folder()
        if folder is None:
            raise FileNotFoundError(missing_package())
        self._dlib = dlib
        self._detect = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(folder / _LANDMARKS_FILE))
        self._embedder = dlib.face_recognition_model_v1(str(folder / _EMBEDDER_FILE))

    def find_tracks(
        self, keyframes: list[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> list[dict[str, Any]]:
        """Find each face once. Returns its boxes, and the templates of its most informative frames."""
        found_boxes = [
            self._find_boxes(keyframe.pixels(), boxes.get(place, ()))
            for place, keyframe in enumerate(keyframes)
        ]
        found = (
            track_faces(found_boxes)
            if moving
            else [[FaceDetection(n, box)] for n, one in enumerate(found_boxes) for box in one]
        )
        return [
            {
                "spots": [[detection.keyframe, list(detection.box)] for detection in track],
                "templates": [
                    self.compute_template(keyframes[detection.keyframe].pixels(), detection.box).tolist()
                    for detection in best_frames(track)
                ],
            }
            for track in found
        ]

    def _find_boxes(self, pixels: Pixels, others: Iterable[FaceBox]) -> list[FaceBox]:
        height, width = pixels.shape[:2]
        doubled = int(max(height, width) <= _MAX_DOUBLED_SIDE_PX)
        found = [
            FaceBox(
                max(one.left(), 0) / width,
                max(one.top(), 0) / height,
                (min(one.right(), width) - max(one.left(), 0)) / width,
                (min(one.bottom(), height) - max(one.top(), 0)) / height,
            )
            for one in self._detect(np.ascontiguousarray(pixels), doubled)
        ]
        # A face that only another detector found gets a template too, so that every face is compared.
        return [
            *found,
            *(
                box
                for box in others
                if box.area > 0
                and not any(
                    intersection_over_union(box, one) >= _MIN_SAME_FACE_OVERLAP or box.contains_center_of(one)
                    for one in found
                )
            ),
        ]

    def compute_template(self, pixels: Pixels, box: FaceBox) -> npt.NDArray[np.float64]:
        """Compute the template of a face, 128 values. The smaller the distance between two templates, the
        more similar the faces.
        """
        height, width = pixels.shape[:2]
        place = self._dlib.rectangle(
            round(box.x * width),
            round(box.y * height),
            round((box.x + box.w) * width),
            round((box.y + box.h) * height),
        )
        contiguous = np.ascontiguousarray(pixels)
        shape = self._landmarks(contiguous, place)
        return np.asarray(self._embedder.compute_face_descriptor(contiguous, shape), np.float64)
