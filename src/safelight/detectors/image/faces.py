"""Faces that are small in the picture: NudeNet's model at larger inputs than every frame is given.

Every face counts as a real one: no model here tells a drawn face from a photographed one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, RunLocation
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, Modality

from .nudity import Detection, decode, expand_box, finding_of, model_path, window_of
from .region_cache import CachedRegions, Sizes, Window, cut

NAME, VERSION = "faces", "320n-large-2"

#: As every face here: the model's own score, uncalibrated.
FLOOR = 0.3
_STRIDE = 32
_SAME = 0.45
#: Where only a part has changed only that is looked at, and all of it again after ten looks.
_SIZES = Sizes(stride=_STRIDE, margin=48, most=0.5, renew=10)

CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        category=Category.LIKENESS.value,
        modality=Modality.IMAGE,
        measured="faces by size and pose, benchmarks/pictures.md",
    ),
)


class FaceDetector:
    """A `FrameDetector`. `input_sizes`: longest sides of the inputs for images; frames use the smallest."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    every_frame = False
    costly = True

    def __init__(
        self, model: Path, *, input_sizes: tuple[int, ...] = (640, 1280), min_score: float = FLOOR
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score
        self._input_sizes = input_sizes
        self.longest_side = min(input_sizes)
        self.picture_side = max(input_sizes)
        self._watch = CachedRegions(_SIZES, look=self._part, place=window_of)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        longest = max(frame.pixels.shape[:2])
        if longest == self.longest_side:
            seen = self._watch.things(frame.index, frame.pixels)
        else:
            sides = [side for side in self._input_sizes if side <= longest] or [min(self._input_sizes)]
            seen = _apart(one for side in sides for one in self._faces(frame.pixels, side))
        return [finding_of(one, detector=NAME, version=VERSION) for one in seen]

    def _part(self, pixels: npt.NDArray[np.uint8], window: Window) -> list[Detection]:
        height, width = pixels.shape[:2]
        part = cut(pixels, window)
        seen = self._faces(part, max(part.shape[:2]))
        return [one._replace(box=expand_box(one.box, window, width, height)) for one in _apart(seen)]

    def _faces(self, pixels: npt.NDArray[np.uint8], side: int) -> list[Detection]:
        picture, width, height = _input(pixels, side)
        output = self._session.run(None, {self._input: picture})[0][0]
        return [one for one in decode(output, width, height, self._min_score) if one.kind.kind == "face"]


def _apart(seen: Iterable[Detection]) -> list[Detection]:
    """One of several boxes around the same face: the most certain."""
    kept: list[Detection] = []
    for one in sorted(seen, key=lambda one: -one.score):
        if all(_shared(one.box, other.box) < _SAME for other in kept):
            kept.append(one)
    return kept


def _input(pixels: npt.NDArray[np.uint8], side: int) -> tuple[npt.NDArray[np.float32], int, int]:
    """The model's input with this longest side, and the part of it that is picture, width and height."""
    import cv2

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if size != (width, height):
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
    padded = np.zeros((-(-size[1] // _STRIDE) * _STRIDE, -(-size[0] // _STRIDE) * _STRIDE, 3), np.float32)
    np.divide(pixels, 255.0, out=padded[: size[1], : size[0]], casting="unsafe")
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None]), size[0], size[1]


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The part of the smaller box that the two share."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min(one[2] * one[3], other[2] * other[3])


def _missing(_options: dict[str, Any]) -> str | None:
    if model_path() is None:
        return "The package `nudenet` with its model is not installed: pip install 'safelight[nudity]'."
    return None


def _load(options: dict[str, Any]) -> FaceDetector:
    path = model_path()
    if path is None:
        raise FileNotFoundError(_missing(options))
    sizes = options.get("input_sizes")
    return FaceDetector(
        path,
        input_sizes=tuple(int(side) for side in sizes) if sizes else (640, 1280),
        min_score=float(options.get("min_score", FLOOR)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    place=RunLocation.CHILD,
    capabilities=CAPABILITIES,
    load=_load,
    missing=_missing,
)
