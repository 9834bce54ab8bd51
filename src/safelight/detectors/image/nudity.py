"""Detects exposed body parts and faces on every frame with NudeNet's small model.

The model is called directly, because the wrapper in its package passes BGR pixels and pads the picture to a
square; both lower recall. The model's gender classes are wrong too often, so they are merged. A male chest is
not reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from safelight.core.arrays import Floats, Pixels
from safelight.core.installation import find_package_folder, install_command
from safelight.detectors.box_tracker import intersection_over_union
from safelight.detectors.image.region_cache import (
    CachedRegions,
    Window,
    WindowSizes,
    crop,
    enclosing_window,
    expand_box,
)
from safelight.detectors.image.scaling import scale_picture
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Attribute, Basis, Category, Finding, ImageBox, Modality

NAME, VERSION = "nudenet", "320n-4"

#: The model's own scores, uncalibrated. The policy `starter` blocks from 0.5 and reviews from 0.3.
MIN_SCORE = 0.3
_MAX_OVERLAP = 0.45
_INPUT_SIDE_PX = 320
#: The confirming views: the area that the detected object has in the rescaled input, in pixels, and whether
#: the view is mirrored.
_CONFIRMING_VIEWS = ((128 * 128, True), (128 * 64, False), (64 * 64, True))
#: The network halves its input five times, so sides must be multiples of 32.
_STRIDE = 32
_SEXUAL, _LIKENESS = Category.SEXUAL.value, Category.LIKENESS.value
_CLASS_COUNT = 18
#: If only a part of the frame changed, only that part is inspected. After 30 frames, the whole frame is
#: inspected again.
_WINDOWS = WindowSizes(stride=_STRIDE, margin=24, max_share=0.5, max_age_frames=30)
CAPABILITIES: tuple[Capability, ...] = (
    Capability(category=_SEXUAL, modality=Modality.IMAGE),
    Capability(category=_SEXUAL, modality=Modality.FRAMES),
    # In a reference image, every face matters. For frames, the cell is left out: this detector cannot tell
    # whose face it is.
    Capability(category=_LIKENESS, modality=Modality.IMAGE),
)


class BodyPartClass(NamedTuple):
    category: str
    kind: str
    reason: str


_FACE = BodyPartClass(_LIKENESS, "face", "A face is visible.")
_GENITALIA = BodyPartClass(_SEXUAL, "genitalia", "Exposed genitalia are visible.")
#: The classes of the model that are reported. The other classes are covered or harmless body parts.
BODY_PART_CLASSES: Mapping[int, BodyPartClass] = {
    1: _FACE,
    2: BodyPartClass(_SEXUAL, "buttocks", "Exposed buttocks are visible."),
    3: BodyPartClass(_SEXUAL, "breast", "An exposed female breast is visible."),
    4: _GENITALIA,
    6: BodyPartClass(_SEXUAL, "anus", "An exposed anus is visible."),
    12: _FACE,
    14: _GENITALIA,
}


class Detection(NamedTuple):
    """One detected object; the box is in fractions of the frame's width and height."""

    kind: BodyPartClass
    score: float
    box: tuple[float, float, float, float]


class RescaledView(NamedTuple):
    """Another view of a picture: how many times its area is halved, and whether it is mirrored."""

    halvings: float
    mirrored: bool


_ORIGINAL_VIEW = RescaledView(0, False)
#: The model's output, and the width and height of the part of the input without padding.
ModelOutput = tuple[Floats, int, int]


def letterbox(pixels: Pixels, *, enlarge: bool = True, halvings: float = 0) -> tuple[Floats, int, int]:
    """The model's input, (1, 3, height, width), and the width and height of the part without padding."""
    import cv2

    height, width = pixels.shape[:2]
    scale = (_INPUT_SIDE_PX / max(height, width) if enlarge else 1.0) * 2 ** (-halvings / 2)
    pixels = scale_picture(pixels, scale)
    inner_height, inner_width = pixels.shape[:2]
    padded = np.zeros((1, 3, _round_up(inner_height), _round_up(inner_width)), dtype=np.float32)
    # Copy one colour at a time, because copying all three at once takes ten times as long.
    for colour, plane in enumerate(cv2.split(pixels)):
        np.divide(plane, 255.0, out=padded[0, colour, :inner_height, :inner_width], dtype=np.float32)
    return padded, inner_width, inner_height


def _round_up(side: int) -> int:
    return -(-side // _STRIDE) * _STRIDE


def decode_detections(
    output: Floats,
    width: int,
    height: int,
    min_score: float,
    kinds: Mapping[int, BodyPartClass] = BODY_PART_CLASSES,
) -> list[Detection]:
    """Read detections from the model's output, (4 + classes, places). `width` and `height` exclude the
    padding.

    Of overlapping boxes of one kind, only the one with the highest score is kept.
    """
    scores = output[4 : 4 + _CLASS_COUNT]
    if not np.isfinite(output).all():
        raise ValueError("the model returned values that are not finite")
    detections: list[Detection] = []
    best: dict[str, list[Detection]] = {}
    above = np.argwhere(scores >= min_score).tolist() if float(scores.max(initial=0.0)) >= min_score else []
    candidates = [(float(scores[row, place]), kinds[row], place) for row, place in above if row in kinds]
    for score, kind, place in sorted(candidates, key=lambda candidate: -candidate[0]):
        x, y, w, h = (float(value) for value in output[:4, place])
        left, right = np.clip(((x - w / 2) / width, (x + w / 2) / width), 0.0, 1.0).tolist()
        top, bottom = np.clip(((y - h / 2) / height, (y + h / 2) / height), 0.0, 1.0).tolist()
        detection = Detection(kind, min(score, 1.0), (left, top, right - left, bottom - top))
        of_kind = best.setdefault(kind.kind, [])
        if (
            right > left
            and bottom > top
            and all(intersection_over_union(detection.box, other.box) < _MAX_OVERLAP for other in of_kind)
        ):
            of_kind.append(detection)
            detections.append(detection)
    return detections


def rescaled_views(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[RescaledView, ...]:
    """Further views that must confirm a detection: smaller if the object is large, and some mirrored.

    `width` and `height` are those of the model's input without padding. A body part is recognised at any
    size. A false detection that fills the picture mostly disappears at another size.
    """
    area = max(box[2] * width * box[3] * height, 1.0)
    return tuple(
        RescaledView(max(round(math.log2(area / target_area)), 0), mirrored)
        for target_area, mirrored in _CONFIRMING_VIEWS
    )


def supporting_score(
    output: Floats,
    width: int,
    height: int,
    box: tuple[float, float, float, float],
    rows: Sequence[int],
    *,
    mirrored: bool,
) -> float:
    """The highest score of these classes in another view, among boxes that overlap `box`."""
    if not np.isfinite(output).all():
        raise ValueError("the model returned values that are not finite")
    x, y, w, h = box
    if mirrored:
        x = 1 - x - w
    middle_x, middle_y, widths, heights = output[:4].astype(np.float64)
    left, right = (np.clip((middle_x + sign * widths / 2) / width, 0.0, 1.0) for sign in (-1, 1))
    top, bottom = (np.clip((middle_y + sign * heights / 2) / height, 0.0, 1.0) for sign in (-1, 1))
    across = np.clip(np.minimum(right, x + w) - np.maximum(left, x), 0.0, None)
    down = np.clip(np.minimum(bottom, y + h) - np.maximum(top, y), 0.0, None)
    shared = across * down
    overlapping = shared >= _MAX_OVERLAP * ((right - left) * (bottom - top) + w * h - shared)
    return min(float(output[[4 + row for row in rows]][:, overlapping].max(initial=0.0)), 1.0)


def filter_detections(run_view: Callable[[RescaledView], ModelOutput], min_score: float) -> list[Detection]:
    """Detections with a score of at least `min_score`.

    A face is scored in one view, a body part with the mean over four views. The other views are computed only
    if the first view has a body part with at least that score.
    """
    output, width, height = run_view(_ORIGINAL_VIEW)
    outputs = {_ORIGINAL_VIEW: (output, width, height)}
    detections = []
    for detection in decode_detections(output, width, height, min_score):
        if detection.kind.category == _SEXUAL:
            rows = [row for row, kind in BODY_PART_CLASSES.items() if kind.kind == detection.kind.kind]
            scores = [detection.score]
            for view in rescaled_views(detection.box, width, height):
                if view not in outputs:
                    outputs[view] = run_view(view)
                scores.append(supporting_score(*outputs[view], detection.box, rows, mirrored=view.mirrored))
            detection = detection._replace(score=sum(scores) / len(scores))
        if detection.score >= min_score:
            detections.append(detection)
    return detections


def _window(detection: Detection, width: int, height: int) -> Window:
    return enclosing_window(detection.box, width, height)


class NudityDetector:
    """A `FrameDetector` for exposed body parts and faces. Detections below `min_score` are not reported."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = _INPUT_SIDE_PX
    every_frame = True
    parts = True

    def __init__(self, model: Path, *, min_score: float = MIN_SCORE) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score
        self._cache = CachedRegions(_WINDOWS, inspect=self._inspect_window, locate=_window)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        pixels = frame.pixels
        if frame.part is not None or max(pixels.shape[:2]) != _INPUT_SIDE_PX:
            return list(self._findings(self._detect(pixels)))
        return list(self._findings(self._cache.detect(frame.index, pixels)))

    def _inspect_window(self, pixels: Pixels, window: Window) -> list[Detection]:
        height, width = pixels.shape[:2]
        seen = self._detect(crop(pixels, window), enlarge=False)
        return [one._replace(box=expand_box(one.box, window, width, height)) for one in seen]

    def _detect(self, pixels: Pixels, *, enlarge: bool = True) -> list[Detection]:
        def run_view(view: RescaledView) -> ModelOutput:
            mirrored = np.ascontiguousarray(pixels[:, ::-1]) if view.mirrored else pixels
            picture, width, height = letterbox(mirrored, enlarge=enlarge, halvings=view.halvings)
            return self._run_model(picture), width, height

        return filter_detections(run_view, self._min_score)

    def _run_model(self, picture: Floats) -> Floats:
        output: Floats = self._session.run(None, {self._input: picture})[0][0]
        return output

    def _findings(self, detections: list[Detection]) -> Iterator[Finding]:
        for detection in detections:
            x, y, w, h = (round(part, 4) for part in detection.box)
            attributes: dict[str, Attribute] = {"kind": detection.kind.kind, "area": round(w * h, 5)}
            if detection.kind is _FACE:
                attributes["voice"] = NAME
            yield Finding(
                category=detection.kind.category,
                score=round(detection.score, 4),
                modality=Modality.FRAMES,
                detector=NAME,
                version=VERSION,
                basis=Basis.LEARNED,
                reason=detection.kind.reason,
                evidence=(ImageBox(x=x, y=y, w=w, h=h),),
                attributes=attributes,
            )


def find_model_file() -> Path | None:
    """Path of the model in the installed package. The package is not imported, because it would import
    OpenCV.
    """
    package = find_package_folder("nudenet")
    return package / "320n.onnx" if package and (package / "320n.onnx").is_file() else None


def _missing(_options: PluginOptions) -> str | None:
    if find_model_file() is None:
        return f"The package `nudenet` with its model is not installed: {install_command('nudity')}."
    return None


def _load(options: PluginOptions) -> NudityDetector:
    path = find_model_file()
    if path is None:
        raise FileNotFoundError(_missing(options))
    return NudityDetector(path, min_score=float(options.get("min_score", MIN_SCORE)))


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    capabilities=CAPABILITIES,
    load=_load,
    missing=_missing,
)
