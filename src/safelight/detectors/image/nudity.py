"""Exposed bodies and faces, on every frame, by NudeNet's small model called directly.

The package's own wrapper hands the model BGR and squares the picture; both cost recall. The model's
gender classes are wrong too often to be of use and are merged; a bare male chest is nothing.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.region_cache import CachedRegions, Sizes, Window, cut
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, RunLocation
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, ImageBox, Modality

NAME, VERSION = "nudenet", "320n-4"

#: Scores are the model's own, uncalibrated: `starter` asks 0.5 for a block and reviews from 0.3.
FLOOR = 0.3
_OVERLAP = 0.45
_SIDE = 320
#: The other looks: the area of input that the thing then takes, in pixels, and whether mirrored.
_LOOKS = ((128 * 128, True), (128 * 64, False), (64 * 64, True))
#: The network halves its input five times.
_STRIDE = 32


class BodyPartClass(NamedTuple):
    category: str
    kind: str
    reason: str


_SEXUAL, _LIKENESS = Category.SEXUAL.value, Category.LIKENESS.value
_FACE = BodyPartClass(_LIKENESS, "face", "A face is visible.")
_GENITALIA = BodyPartClass(_SEXUAL, "genitalia", "Exposed genitalia are visible.")
#: Places in the model's output that mean something here; the others are covered or harmless.
KINDS: Mapping[int, BodyPartClass] = {
    1: _FACE,
    2: BodyPartClass(_SEXUAL, "buttocks", "Exposed buttocks are visible."),
    3: BodyPartClass(_SEXUAL, "breast", "An exposed female breast is visible."),
    4: _GENITALIA,
    6: BodyPartClass(_SEXUAL, "anus", "An exposed anus is visible."),
    12: _FACE,
    14: _GENITALIA,
}
_CLASSES = 18
#: Where only a part has changed only that is seen; all of it again after a second.
_SIZES = Sizes(stride=_STRIDE, margin=24, most=0.5, renew=30)

CAPABILITIES: tuple[Capability, ...] = (
    Capability(category=_SEXUAL, modality=Modality.IMAGE),
    Capability(category=_SEXUAL, modality=Modality.FRAMES),
    # In a picture given as reference any face matters. Whose face it is in frames, nobody here can tell.
    Capability(category=_LIKENESS, modality=Modality.IMAGE),
)


class Detection(NamedTuple):
    """One thing in a frame; the box in parts of its width and height."""

    kind: BodyPartClass
    score: float
    box: tuple[float, float, float, float]


class RescaledView(NamedTuple):
    """Another look at a picture: its area halved so many times, and mirrored or not."""

    halvings: float
    mirrored: bool


_PLAIN = RescaledView(0, False)
#: The model's output, and the part of its input that is picture: width and height.
Told = tuple[npt.NDArray[np.float32], int, int]


def letterbox(
    pixels: npt.NDArray[np.uint8], *, enlarge: bool = True, halvings: float = 0
) -> tuple[npt.NDArray[np.float32], int, int]:
    """The model's input, (1, 3, height, width), and the part of it that is picture, width and height."""
    import cv2

    height, width = pixels.shape[:2]
    scale = (_SIDE / max(height, width) if enlarge else 1.0) * 2 ** (-halvings / 2)
    inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
    if (inner_width, inner_height) != (width, height):
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (inner_width, inner_height), interpolation=way).astype(
            np.uint8, copy=False
        )
    padded = np.zeros((1, 3, _up(inner_height), _up(inner_width)), dtype=np.float32)
    # Colour by colour: all three at once take ten times as long.
    for colour, plane in enumerate(cv2.split(pixels)):
        np.divide(plane, 255.0, out=padded[0, colour, :inner_height, :inner_width], dtype=np.float32)
    return padded, inner_width, inner_height


def _up(side: int) -> int:
    return -(-side // _STRIDE) * _STRIDE


def decode(
    output: npt.NDArray[np.float32],
    width: int,
    height: int,
    floor: float,
    kinds: Mapping[int, BodyPartClass] = KINDS,
) -> list[Detection]:
    """What the model's output, (4 + classes, places), says of a picture of this size in its input.

    Overlapping boxes of one kind are one thing.
    """
    scores = output[4 : 4 + _CLASSES]
    if not np.isfinite(output).all():
        raise ValueError("the model answered with numbers that are none")
    seen: list[Detection] = []
    best: dict[str, list[Detection]] = {}
    over = np.argwhere(scores >= floor).tolist() if float(scores.max(initial=0.0)) >= floor else []
    candidates = [(float(scores[row, place]), kinds[row], place) for row, place in over if row in kinds]
    for score, kind, place in sorted(candidates, key=lambda candidate: -candidate[0]):
        x, y, w, h = (float(value) for value in output[:4, place])
        left, right = np.clip(((x - w / 2) / width, (x + w / 2) / width), 0.0, 1.0).tolist()
        top, bottom = np.clip(((y - h / 2) / height, (y + h / 2) / height), 0.0, 1.0).tolist()
        thing = Detection(kind, min(score, 1.0), (left, top, right - left, bottom - top))
        same = best.setdefault(kind.kind, [])
        if right > left and bottom > top and all(_overlap(thing.box, other.box) < _OVERLAP for other in same):
            same.append(thing)
            seen.append(thing)
    return seen


def views(box: tuple[float, float, float, float], width: int, height: int) -> tuple[RescaledView, ...]:
    """How else to look at what was seen in an input of this size: mirrored, and smaller where it is large.

    A body is one at any size. A harmless thing that fills the picture is mostly taken for one only there.
    """
    area = max(box[2] * width * box[3] * height, 1.0)
    return tuple(RescaledView(max(round(math.log2(area / aim)), 0), mirrored) for aim, mirrored in _LOOKS)


def support(
    output: npt.NDArray[np.float32],
    width: int,
    height: int,
    box: tuple[float, float, float, float],
    rows: Sequence[int],
    *,
    mirrored: bool,
) -> float:
    """The best score in these rows of another look, with a picture of this size, at what is in the box."""
    if not np.isfinite(output).all():
        raise ValueError("the model answered with numbers that are none")
    x, y, w, h = box
    if mirrored:
        x = 1 - x - w
    middle_x, middle_y, wide, high = output[:4].astype(np.float64)
    left, right = (np.clip((middle_x + way * wide / 2) / width, 0.0, 1.0) for way in (-1, 1))
    top, bottom = (np.clip((middle_y + way * high / 2) / height, 0.0, 1.0) for way in (-1, 1))
    across = np.clip(np.minimum(right, x + w) - np.maximum(left, x), 0.0, None)
    down = np.clip(np.minimum(bottom, y + h) - np.maximum(top, y), 0.0, None)
    both = across * down
    there = both >= _OVERLAP * ((right - left) * (bottom - top) + w * h - both)
    return min(float(output[[4 + row for row in rows]][:, there].max(initial=0.0)), 1.0)


def filter_detections(look: Callable[[RescaledView], Told], floor: float) -> list[Detection]:
    """What is seen from this score on: faces at first sight, bodies with the mean of four looks.

    The other looks are taken only where the first shows a body from this score on.
    """
    output, width, height = look(_PLAIN)
    looks = {_PLAIN: (output, width, height)}
    seen = []
    for one in decode(output, width, height, floor):
        if one.kind.category == _SEXUAL:
            rows = [row for row, kind in KINDS.items() if kind.kind == one.kind.kind]
            scores = [one.score]
            for view in views(one.box, width, height):
                if view not in looks:
                    looks[view] = look(view)
                scores.append(support(*looks[view], one.box, rows, mirrored=view.mirrored))
            one = one._replace(score=sum(scores) / len(scores))
        if one.score >= floor:
            seen.append(one)
    return seen


def window_of(seen: Detection, width: int, height: int) -> Window:
    """Its box in pixels, outwards."""
    x, y, w, h = seen.box
    return int(x * width), int(y * height), -int(-(x + w) * width // 1), -int(-(y + h) * height // 1)


def expand_box(
    box: tuple[float, float, float, float], window: Window, width: int, height: int
) -> tuple[float, float, float, float]:
    """A box in parts of a window as one in parts of the picture."""
    left, top, right, bottom = window
    wide, high = (right - left) / width, (bottom - top) / height
    return left / width + box[0] * wide, top / height + box[1] * high, box[2] * wide, box[3] * high


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (one[2] * one[3] + other[2] * other[3] - wide * high)


class NudityDetector:
    """A `FrameDetector`. `min_score`: lower scores are not reported."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = _SIDE
    every_frame = True
    parts = True

    def __init__(self, model: Path, *, min_score: float = FLOOR) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score
        self._watch = CachedRegions(_SIZES, look=self._part, place=window_of)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        pixels = frame.pixels
        if frame.part is not None or max(pixels.shape[:2]) != _SIDE:
            return list(self._findings(self._seen(pixels)))
        return list(self._findings(self._watch.things(frame.index, pixels)))

    def _part(self, pixels: npt.NDArray[np.uint8], window: Window) -> list[Detection]:
        height, width = pixels.shape[:2]
        seen = self._seen(cut(pixels, window), enlarge=False)
        return [one._replace(box=expand_box(one.box, window, width, height)) for one in seen]

    def _seen(self, pixels: npt.NDArray[np.uint8], *, enlarge: bool = True) -> list[Detection]:
        def look(view: RescaledView) -> Told:
            turned = np.ascontiguousarray(pixels[:, ::-1]) if view.mirrored else pixels
            picture, width, height = letterbox(turned, enlarge=enlarge, halvings=view.halvings)
            return self._told(picture), width, height

        return filter_detections(look, self._min_score)

    def _told(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        told: npt.NDArray[np.float32] = self._session.run(None, {self._input: picture})[0][0]
        return told

    def _findings(self, seen: list[Detection]) -> Iterator[Finding]:
        for thing in seen:
            yield finding_of(thing, detector=NAME, version=VERSION)


def finding_of(seen: Detection, *, detector: str, version: str) -> Finding:
    """What the model saw, as a finding of the detector that asked it."""
    x, y, w, h = (round(part, 4) for part in seen.box)
    return Finding(
        category=seen.kind.category,
        score=round(seen.score, 4),
        modality=Modality.FRAMES,
        detector=detector,
        version=version,
        reason=seen.kind.reason,
        evidence=(ImageBox(x=x, y=y, w=w, h=h),),
        attributes={"kind": seen.kind.kind, "area": round(w * h, 5)},
    )


def model_path() -> Path | None:
    """The model inside the installed package, found without importing it (it pulls OpenCV in)."""
    found = importlib.util.find_spec("nudenet")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "320n.onnx"
    return path if path.is_file() else None


def _missing(_options: dict[str, Any]) -> str | None:
    if model_path() is None:
        return "The package `nudenet` with its model is not installed: pip install 'safelight[nudity]'."
    return None


def _load(options: dict[str, Any]) -> NudityDetector:
    path = model_path()
    if path is None:
        raise FileNotFoundError(_missing(options))
    return NudityDetector(path, min_score=float(options.get("min_score", FLOOR)))


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    place=RunLocation.CHILD,
    capabilities=CAPABILITIES,
    load=_load,
    missing=_missing,
)
