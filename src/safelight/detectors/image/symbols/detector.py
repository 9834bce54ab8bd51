"""The network at every place and size of a picture, and a second look at what it takes for a symbol."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.local_contrast import WINDOW, contrast
from safelight.detectors.image.region_cache import CachedRegions, Sizes, Window, cut
from safelight.detectors.protocol import Frame
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, ImageBox, Modality

from .identity import CAPABILITIES, NAME, VERSION

Plane = npt.NDArray[np.float32]

#: Scores below it are not reported.
FLOOR = 0.3
_WINDOW, _STRIDE = 48, 8
#: What it was trained on was drawn at 64 pixels and made smaller: see `bench/symbols_train.py`.
_LOCAL = WINDOW * _WINDOW // 64 | 1
_STEP = 1.3
#: From here on a place is looked at again.
_CANDIDATE = 0.5
_MOST = 24
_OVERLAP = 0.3
#: Where only a part has changed only that is seen, and all of it again after ten looks.
_SIZES = Sizes(stride=_STRIDE, margin=_WINDOW, most=0.5, renew=10)


class Symbol(NamedTuple):
    """One class of the network."""

    kind: str
    what: str
    #: How much of the network's certainty is left: what faiths and peoples draw too keeps little.
    weight: float


_SYMBOLS: tuple[Symbol, ...] = (
    Symbol("other", "", 0.0),
    Symbol("hooked-cross-on-point", "A hooked cross on its point", 0.94),
    Symbol("hooked-cross", "An upright hooked cross, as movements of hate and some faiths draw it", 0.80),
    Symbol("manji", "A hooked cross turned left, as on temples", 0.4),
    Symbol("hooked-cross-ornate", "A hooked cross with dots or curls, as in Hindu and Jain houses", 0.4),
    Symbol("bolt-runes", "Two bolt runes side by side", 0.94),
    Symbol("sun-wheel", "A wheel of twelve bent rays", 0.94),
    Symbol("sun-cross", "An even-armed cross over a ring", 0.84),
    Symbol("othala", "An othala rune", 0.84),
    Symbol("wolfs-hook", "A wolf's hook", 0.84),
    Symbol("drop-cross", "A cross in a disc with a drop at its heart", 0.94),
)


#: The score of what is left: 0.7, from where `starter` holds, is where somebody else's hard look-alikes
#: were taken for a symbol 3 times in 120 (docs/benchmarks/pictures.md).
_LEFT, _SCORE = (0.0, 0.85, 1.0), (0.0, 0.7, 1.0)


class SymbolSquare(NamedTuple):
    """A square of a picture, in its pixels, and what it is taken for."""

    x: float
    y: float
    side: float
    symbol: int
    certainty: float


def _window(place: SymbolSquare, _width: int, _height: int) -> Window:
    """Its square in whole pixels, outwards."""
    return (
        math.floor(place.x),
        math.floor(place.y),
        math.ceil(place.x + place.side),
        math.ceil(place.y + place.side),
    )


class SymbolDetector:
    """A `FrameDetector`."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = 512
    picture_side = 1024
    every_frame = False
    costly = True

    def __init__(self, model: Path, *, min_score: float = FLOOR) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._min_score = min_score
        self._watch = CachedRegions(_SIZES, look=self._part, place=_window)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        height, width = frame.pixels.shape[:2]
        return [
            _finding(place, width, height)
            for place in self._watch.things(frame.index, frame.pixels)
            if _score(place) >= self._min_score
        ]

    def _part(self, pixels: npt.NDArray[np.uint8], window: Window) -> list[SymbolSquare]:
        left, top = window[:2]
        return [place._replace(x=place.x + left, y=place.y + top) for place in self.look(cut(pixels, window))]

    def look(self, pixels: npt.NDArray[np.uint8]) -> list[SymbolSquare]:
        """What of an RGB picture is taken for a symbol, the most certain first."""
        import cv2

        grey: Plane = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
        looked = [self._closely(grey, place) for place in self.candidates(grey)]
        return sorted(looked, key=lambda place: -place.certainty)

    def candidates(self, grey: Plane, least: float = _CANDIDATE) -> list[SymbolSquare]:
        """Places of a grey picture, 0 to 1, that deserve a closer look, apart from each other."""
        chosen: list[SymbolSquare] = []
        for place in sorted(self._everywhere(grey, least), key=lambda place: -place.certainty):
            if len(chosen) < _MOST and all(_apart(place, other) for other in chosen):
                chosen.append(place)
        return chosen

    def _everywhere(self, grey: Plane, least: float) -> list[SymbolSquare]:
        import cv2

        found: list[SymbolSquare] = []
        scale = 1.0
        while min(grey.shape) * scale >= _WINDOW * 0.8:
            size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
            small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
            pad = _WINDOW // 4
            small = np.asarray(
                cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.float32
            )
            told = self._told(contrast(small, window=_LOCAL)[None, None])[0]
            best, certain = told[1:].argmax(axis=0) + 1, 1 - told[0]
            for row, column in np.argwhere(certain >= least).tolist():
                found.append(
                    SymbolSquare(
                        x=(column * _STRIDE - pad) / scale,
                        y=(row * _STRIDE - pad) / scale,
                        side=_WINDOW / scale,
                        symbol=int(best[row, column]),
                        certainty=float(certain[row, column]),
                    )
                )
            scale /= _STEP
        return found

    def _closely(self, grey: Plane, place: SymbolSquare) -> SymbolSquare:
        """The place seen a little larger, smaller and turned: what is there stays, what seemed so goes."""
        told = self._told(closer(grey, place)[:, None])[:, :, 0, 0].mean(axis=0)
        return place._replace(symbol=int(told[1:].argmax()) + 1, certainty=float(1 - told[0]))

    def _told(self, pictures: Plane) -> npt.NDArray[np.float64]:
        logits = self._session.run(None, {"picture": pictures})[0].astype(np.float64)
        if not np.isfinite(logits).all():
            raise ValueError("the network answered with numbers that are none")
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        told: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return told


def closer(grey: Plane, place: SymbolSquare) -> Plane:
    """What the network is given for a closer look at a place: five pictures of it."""
    import cv2

    margin = _WINDOW // 2
    whole = _WINDOW + 2 * margin
    pictures = []
    for grow, turn in ((1.0, 0.0), (0.87, 0.0), (1.15, 0.0), (1.0, 0.1), (1.0, -0.1)):
        step = place.side * grow / _WINDOW
        cos, sin = math.cos(turn) * step, math.sin(turn) * step
        x, y, half = place.x + place.side / 2, place.y + place.side / 2, whole / 2
        matrix = np.array([[cos, -sin, x - cos * half + sin * half], [sin, cos, y - sin * half - cos * half]])
        source = grey
        if step > 1.5:
            source = np.asarray(cv2.GaussianBlur(grey, (0, 0), step / 2.2), np.float32)
        patch = cv2.warpAffine(
            source,
            matrix,
            (whole, whole),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        seen = contrast(np.asarray(patch, np.float32), window=_LOCAL)
        pictures.append(seen[margin:-margin, margin:-margin])
    return np.stack(pictures).astype(np.float32)


def _apart(one: SymbolSquare, other: SymbolSquare) -> bool:
    wide = min(one.x + one.side, other.x + other.side) - max(one.x, other.x)
    high = min(one.y + one.side, other.y + other.side) - max(one.y, other.y)
    if wide <= 0 or high <= 0:
        return True
    shared = wide * high
    return (
        shared / min(one.side, other.side) ** 2 < 0.5
        or shared / (one.side**2 + other.side**2 - shared) < _OVERLAP * 0.3
    )


def _score(place: SymbolSquare) -> float:
    return float(np.interp(place.certainty * _SYMBOLS[place.symbol].weight, _LEFT, _SCORE))


def _finding(place: SymbolSquare, width: int, height: int) -> Finding:
    symbol = _SYMBOLS[place.symbol]
    inset = place.side * 0.125
    left, right = np.clip([(place.x + inset) / width, (place.x + place.side - inset) / width], 0, 1).tolist()
    top, bottom = np.clip(
        [(place.y + inset) / height, (place.y + place.side - inset) / height], 0, 1
    ).tolist()
    return Finding(
        category=Category.HATE_SYMBOLS.value,
        score=round(min(_score(place), 0.99), 4),
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        reason=f"{symbol.what} seems to be in the picture.",
        evidence=(
            ImageBox(x=round(left, 4), y=round(top, 4), w=round(right - left, 4), h=round(bottom - top, 4)),
        ),
        attributes={"kind": symbol.kind, "area": round((right - left) * (bottom - top), 5)},
    )
