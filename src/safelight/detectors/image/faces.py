"""Detector for small faces: NudeNet's model with larger inputs than the per-frame detector uses.

Every face counts as a real face, because no model here distinguishes drawn faces from photographed ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, RunLocation
from safelight.policy.findings import Category, Finding, Modality

from .nudity import (
    Detection,
    decode_detections,
    enclosing_window,
    expand_box,
    find_model_file,
    make_finding,
    missing_model,
)
from .region_cache import CachedRegions, Window, WindowSizes, crop

NAME, VERSION = "faces", "320n-large-2"

#: The model's own score. It is uncalibrated, as in the nudity detector, which also reports faces.
MIN_SCORE = 0.3
_STRIDE = 32
_MAX_SHARED = 0.45
#: If only a part of the frame changed, only that part is inspected. After ten frames, the whole frame is
#: inspected again.
_WINDOWS = WindowSizes(stride=_STRIDE, margin=48, max_share=0.5, max_age_frames=10)

CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        category=Category.LIKENESS.value,
        modality=Modality.IMAGE,
        measured="finds faces, not whose they are: found 20 of 20 adult faces that fill 0.5 to 25 % of the "
        "picture, no false alarm in 12 pictures without people, benchmarks/pictures.md",
    ),
)


class FaceDetector:
    """A `FrameDetector` for faces. `input_sizes`: longest sides of the model's inputs for an image. For
    frames, only the smallest is used.
    """

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    every_frame = False
    costly = True

    def __init__(
        self, model: Path, *, input_sizes: tuple[int, ...] = (640, 1280), min_score: float = MIN_SCORE
    ) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score
        self._input_sizes = input_sizes
        self.longest_side = min(input_sizes)
        self.picture_side = max(input_sizes)
        self._cache = CachedRegions(_WINDOWS, inspect=self._inspect_window, locate=enclosing_window)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        longest = max(frame.pixels.shape[:2])
        if longest == self.longest_side:
            detections = self._cache.detect(frame.index, frame.pixels)
        else:
            sides = [side for side in self._input_sizes if side <= longest] or [min(self._input_sizes)]
            detections = _remove_duplicates(
                one for side in sides for one in self._find_faces(frame.pixels, side)
            )
        return [make_finding(one, detector=NAME, version=VERSION) for one in detections]

    def _inspect_window(self, pixels: npt.NDArray[np.uint8], window: Window) -> list[Detection]:
        height, width = pixels.shape[:2]
        part = crop(pixels, window)
        detections = self._find_faces(part, max(part.shape[:2]))
        return [
            one._replace(box=expand_box(one.box, window, width, height))
            for one in _remove_duplicates(detections)
        ]

    def _find_faces(self, pixels: npt.NDArray[np.uint8], side: int) -> list[Detection]:
        picture, width, height = _input(pixels, side)
        output = self._session.run(None, {self._input: picture})[0][0]
        return [
            one
            for one in decode_detections(output, width, height, self._min_score)
            if one.kind.kind == "face"
        ]


def _remove_duplicates(detections: Iterable[Detection]) -> list[Detection]:
    """Remove duplicate boxes of the same face. The box with the highest score is kept."""
    kept: list[Detection] = []
    for one in sorted(detections, key=lambda one: -one.score):
        if all(_shared_share(one.box, other.box) < _MAX_SHARED for other in kept):
            kept.append(one)
    return kept


def _input(pixels: npt.NDArray[np.uint8], side: int) -> tuple[npt.NDArray[np.float32], int, int]:
    """The model's input with this longest side, and the width and height of the part without padding."""
    import cv2

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if size != (width, height):
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)
    padded = np.zeros((-(-size[1] // _STRIDE) * _STRIDE, -(-size[0] // _STRIDE) * _STRIDE, 3), np.float32)
    np.divide(pixels, 255.0, out=padded[: size[1], : size[0]], casting="unsafe")
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None]), size[0], size[1]


def _shared_share(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The overlap of two boxes as a fraction of the smaller one."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min(one[2] * one[3], other[2] * other[3])


def _load(options: dict[str, Any]) -> FaceDetector:
    path = find_model_file()
    if path is None:
        raise FileNotFoundError(missing_model(options))
    sizes = options.get("input_sizes")
    return FaceDetector(
        path,
        input_sizes=tuple(int(side) for side in sizes) if sizes else (640, 1280),
        min_score=float(options.get("min_score", MIN_SCORE)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    location=RunLocation.CHILD,
    capabilities=CAPABILITIES,
    load=_load,
    missing=missing_model,
)
