"""Exposed bodies and faces, on every frame, by NudeNet's small model called directly.

The package's own wrapper hands the model BGR and squares the picture; both cost recall. The model's
gender classes are wrong too often to be of use and are merged; a bare male chest is nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.reuse import Sizes, Watch, Window, cut
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, Place
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, ImageBox, Modality

NAME, VERSION = "nudenet", "320n-3"

#: Scores are the model's own, uncalibrated: `starter` asks 0.5 for a block and reviews from 0.3.
FLOOR = 0.3
_OVERLAP = 0.45
_SIDE = 320
#: From here on what the mirrored picture shows counts for what is seen in the other.
_FAINT = 0.05
#: The network halves its input five times.
_STRIDE = 32


class _Kind(NamedTuple):
    category: str
    kind: str
    reason: str


_SEXUAL, _LIKENESS = Category.SEXUAL.value, Category.LIKENESS.value
_FACE = _Kind(_LIKENESS, "face", "A face is visible.")
_GENITALIA = _Kind(_SEXUAL, "genitalia", "Exposed genitalia are visible.")
#: Places in the model's output that mean something here; the others are covered or harmless.
_KINDS = {
    1: _FACE,
    2: _Kind(_SEXUAL, "buttocks", "Exposed buttocks are visible."),
    3: _Kind(_SEXUAL, "breast", "An exposed female breast is visible."),
    4: _GENITALIA,
    6: _Kind(_SEXUAL, "anus", "An exposed anus is visible."),
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


class Seen(NamedTuple):
    """One thing in a frame; the box in parts of its width and height."""

    kind: _Kind
    score: float
    box: tuple[float, float, float, float]


def letterbox(
    pixels: npt.NDArray[np.uint8], *, enlarge: bool = True
) -> tuple[npt.NDArray[np.float32], int, int]:
    """The model's input, (1, 3, height, width), and the part of it that is picture, width and height."""
    import cv2

    height, width = pixels.shape[:2]
    scale = _SIDE / max(height, width) if enlarge else 1.0
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


def decode(output: npt.NDArray[np.float32], width: int, height: int, floor: float) -> list[Seen]:
    """What the model's output, (4 + classes, places), says of a picture of this size in its input.

    Overlapping boxes of one kind are one thing.
    """
    scores = output[4 : 4 + _CLASSES]
    if not np.isfinite(output).all():
        raise ValueError("the model answered with numbers that are none")
    seen: list[Seen] = []
    best: dict[str, list[Seen]] = {}
    over = np.argwhere(scores >= floor).tolist() if float(scores.max(initial=0.0)) >= floor else []
    candidates = [(float(scores[row, place]), _KINDS[row], place) for row, place in over if row in _KINDS]
    for score, kind, place in sorted(candidates, key=lambda candidate: -candidate[0]):
        x, y, w, h = (float(value) for value in output[:4, place])
        left, right = np.clip(((x - w / 2) / width, (x + w / 2) / width), 0.0, 1.0).tolist()
        top, bottom = np.clip(((y - h / 2) / height, (y + h / 2) / height), 0.0, 1.0).tolist()
        thing = Seen(kind, min(score, 1.0), (left, top, right - left, bottom - top))
        same = best.setdefault(kind.kind, [])
        if right > left and bottom > top and all(_overlap(thing.box, other.box) < _OVERLAP for other in same):
            same.append(thing)
            seen.append(thing)
    return seen


def averaged(seen: list[Seen], mirrored: list[Seen]) -> list[Seen]:
    """Exposed bodies with the mean of their score and that in the mirrored picture; faces as they are.

    Of harmless pictures the model often takes one for a body and not its mirror image.
    """
    found = []
    for one in seen:
        if one.kind.category == _SEXUAL:
            x, y, w, h = one.box
            there = (
                other.score
                for other in mirrored
                if other.kind.kind == one.kind.kind and _overlap((1 - x - w, y, w, h), other.box) >= _OVERLAP
            )
            one = one._replace(score=(one.score + max(there, default=0.0)) / 2)
        found.append(one)
    return found


def window_of(seen: Seen, width: int, height: int) -> Window:
    """Its box in pixels, outwards."""
    x, y, w, h = seen.box
    return int(x * width), int(y * height), -int(-(x + w) * width // 1), -int(-(y + h) * height // 1)


def outwards(
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
    """A `FrameDetector`. `floor`: scores below it are not reported."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = _SIDE
    every_frame = True
    parts = True

    def __init__(self, model: Path, *, floor: float = FLOOR) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._floor = floor
        self._watch = Watch(_SIZES, look=self._part, place=window_of)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        pixels = frame.pixels
        if frame.part is not None or max(pixels.shape[:2]) != _SIDE:
            return list(self._findings(self._seen(pixels)))
        return list(self._findings(self._watch.things(frame.index, pixels)))

    def _part(self, pixels: npt.NDArray[np.uint8], window: Window) -> list[Seen]:
        height, width = pixels.shape[:2]
        seen = self._seen(cut(pixels, window), enlarge=False)
        return [one._replace(box=outwards(one.box, window, width, height)) for one in seen]

    def _seen(self, pixels: npt.NDArray[np.uint8], *, enlarge: bool = True) -> list[Seen]:
        picture, width, height = letterbox(pixels, enlarge=enlarge)
        seen = decode(self._told(picture), width, height, self._floor)
        if any(one.kind.category == _SEXUAL for one in seen):
            mirrored = picture.copy()
            mirrored[..., :width] = picture[..., :width][..., ::-1]
            seen = averaged(seen, decode(self._told(mirrored), width, height, _FAINT))
        return [one for one in seen if one.score >= self._floor]

    def _told(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        told: npt.NDArray[np.float32] = self._session.run(None, {self._input: picture})[0][0]
        return told

    def _findings(self, seen: list[Seen]) -> Iterator[Finding]:
        for thing in seen:
            yield finding_of(thing, detector=NAME, version=VERSION)


def finding_of(seen: Seen, *, detector: str, version: str) -> Finding:
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
    return NudityDetector(path, floor=float(options.get("floor", FLOOR)))


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=Place.CHILD, capabilities=CAPABILITIES, load=_load, missing=_missing
)
