"""Sliding-window symbol detector. It applies the network at every place and scale, then to a close-up of
each candidate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.detectors.image.region_cache import CachedRegions, Window, WindowSizes, crop
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Frame
from safelight.policy.findings import Basis, Category, Finding, ImageBox, Modality

from .identity import CAPABILITIES, NAME, VERSION

Plane = npt.NDArray[np.float32]

WINDOW = 49
_MIN_SPREAD = 0.04
#: Symbols with a lower score are not reported. This is the lowest score at an operating point.
MIN_SCORE = 0.5
_WINDOW_PX, _STRIDE_PX = 48, 8
#: The training pictures were drawn at 64 pixels and scaled down.
_CONTRAST_WINDOW_PX = WINDOW * _WINDOW_PX // 64 | 1
_SCALE_STEP = 1.3
#: Certainty from which a place becomes a candidate and is inspected in close-up.
_MIN_CANDIDATE = 0.5
_MAX_CANDIDATES = 24
_MAX_OVERLAP = 0.3
#: If only a part of the frame changed, only that part is inspected. After ten frames, the whole frame is
#: inspected again.
_WINDOWS = WindowSizes(stride=_STRIDE_PX, margin=_WINDOW_PX, max_share=0.5, max_age_frames=10)

# Local contrast normalisation: removes lighting, shading and overall contrast from a picture.


def local_contrast(grey: Plane, *, window: int = WINDOW) -> Plane:
    """Normalise a picture with values from 0 to 1.

    From each pixel, subtract the mean of the window around it, and divide by the standard deviation of that
    window.
    """
    import cv2

    mean = cv2.boxFilter(grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    square = cv2.boxFilter(grey * grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray((grey - mean) / (spread + _MIN_SPREAD), np.float32)


class Symbol(NamedTuple):
    """A class that the network distinguishes, and where it is reported."""

    kind: str
    what: str
    #: The operating point: the network's certainty from which the symbol is reported. It was measured on
    #: drawings, skylines, test patterns and look-alikes: docs/benchmarks/pictures.md.
    point: float = math.inf
    #: The scores at the operating point and at full certainty.
    scores: tuple[float, float] = (0.7, 1.0)
    #: Smallest reported side, as a fraction of the picture's longest side.
    min_side: float = 0.0


#: Without an operating point: shapes that religions and peoples use. They are never reported.
SYMBOLS: tuple[Symbol, ...] = (
    Symbol("other", ""),
    Symbol("hooked-cross-on-point", "A hooked cross on its point", 0.8),
    # Some faiths use it too, so its score is below the one from which the policy `starter` holds.
    Symbol(
        "hooked-cross",
        "An upright hooked cross, as movements of hate and some faiths draw it",
        0.95,
        (0.5, 0.66),
    ),
    Symbol("manji", "A hooked cross turned left, as on temples"),
    Symbol("hooked-cross-ornate", "A hooked cross with dots or curls, as in Hindu and Jain houses"),
    # Smaller ones resemble lit windows.
    Symbol("bolt-runes", "Two bolt runes side by side", 0.9, min_side=0.18),
    Symbol("sun-wheel", "A wheel of twelve bent rays", 0.97),
    Symbol("sun-cross", "An even-armed cross over a ring", 0.99),
    Symbol("othala", "An othala rune", 0.8),
    Symbol("wolfs-hook", "A wolf's hook", 0.97),
    Symbol("drop-cross", "A cross in a disc with a drop at its heart", 0.8),
)


class SymbolSquare(NamedTuple):
    """A square part of a picture, in pixels, with the symbol that the network recognised there."""

    x: float
    y: float
    side: float
    symbol: int
    certainty: float


def _window(place: SymbolSquare, _width: int, _height: int) -> Window:
    """The square in whole pixels, rounded outwards."""
    return (
        math.floor(place.x),
        math.floor(place.y),
        math.ceil(place.x + place.side),
        math.ceil(place.y + place.side),
    )


class SymbolDetector:
    """A `FrameDetector` for symbols of hate movements."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = 512
    picture_side = 1024
    every_frame = False
    costly = True

    def __init__(self, model: Path, *, min_score: float = MIN_SCORE) -> None:
        self._session = open_session(model)
        self._min_score = min_score
        self._cache = CachedRegions(_WINDOWS, inspect=self._inspect_window, locate=_window)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        height, width = frame.pixels.shape[:2]
        return [
            _finding(place, width, height)
            for place in self._cache.detect(frame.index, frame.pixels)
            if _score(place, max(width, height)) >= self._min_score
        ]

    def _inspect_window(self, pixels: Pixels, window: Window) -> list[SymbolSquare]:
        left, top = window[:2]
        return [
            place._replace(x=place.x + left, y=place.y + top)
            for place in self.find_symbols(crop(pixels, window))
        ]

    def find_symbols(self, pixels: Pixels) -> list[SymbolSquare]:
        """The symbols in an RGB picture, the most certain first."""
        import cv2

        grey: Plane = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
        symbols = [self._classify_close_up(grey, place) for place in self.find_candidates(grey)]
        return sorted(symbols, key=lambda place: -place.certainty)

    def find_candidates(self, grey: Plane) -> list[SymbolSquare]:
        """Candidates in a grey picture with values from 0 to 1, for inspection in close-up. They hardly
        overlap.
        """
        chosen: list[SymbolSquare] = []
        for place in sorted(self._slide(grey), key=lambda place: -place.certainty):
            if len(chosen) < _MAX_CANDIDATES and all(_are_apart(place, other) for other in chosen):
                chosen.append(place)
        return chosen

    def _slide(self, grey: Plane) -> list[SymbolSquare]:
        import cv2

        found: list[SymbolSquare] = []
        scale = 1.0
        while min(grey.shape) * scale >= _WINDOW_PX * 0.8:
            size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
            small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
            pad = _WINDOW_PX // 4
            small = np.asarray(
                cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.float32
            )
            probabilities = self._classify(local_contrast(small, window=_CONTRAST_WINDOW_PX)[None, None])[0]
            best, certainty = probabilities[1:].argmax(axis=0) + 1, 1 - probabilities[0]
            for row, column in np.argwhere(certainty >= _MIN_CANDIDATE).tolist():
                found.append(
                    SymbolSquare(
                        x=(column * _STRIDE_PX - pad) / scale,
                        y=(row * _STRIDE_PX - pad) / scale,
                        side=_WINDOW_PX / scale,
                        symbol=int(best[row, column]),
                        certainty=float(certainty[row, column]),
                    )
                )
            scale /= _SCALE_STEP
        return found

    def _classify_close_up(self, grey: Plane, place: SymbolSquare) -> SymbolSquare:
        """Classify the candidate again, also slightly larger, smaller and rotated. The result is the mean."""
        probabilities = self._classify(close_up_views(grey, place)[:, None])[:, :, 0, 0].mean(axis=0)
        return place._replace(
            symbol=int(probabilities[1:].argmax()) + 1, certainty=float(1 - probabilities[0])
        )

    def _classify(self, pictures: Plane) -> npt.NDArray[np.float64]:
        logits = self._session.run(None, {"picture": pictures})[0].astype(np.float64)
        if not np.isfinite(logits).all():
            raise ValueError("the network returned values that are not finite")
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities


def close_up_views(grey: Plane, place: SymbolSquare) -> Plane:
    """The five close-ups of a candidate, as input of the network."""
    import cv2

    margin = _WINDOW_PX // 2
    whole = _WINDOW_PX + 2 * margin
    pictures = []
    for grow, turn in ((1.0, 0.0), (0.87, 0.0), (1.15, 0.0), (1.0, 0.1), (1.0, -0.1)):
        step = place.side * grow / _WINDOW_PX
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
        view = local_contrast(np.asarray(patch, np.float32), window=_CONTRAST_WINDOW_PX)
        pictures.append(view[margin:-margin, margin:-margin])
    return np.stack(pictures).astype(np.float32)


def _are_apart(one: SymbolSquare, other: SymbolSquare) -> bool:
    wide = min(one.x + one.side, other.x + other.side) - max(one.x, other.x)
    high = min(one.y + one.side, other.y + other.side) - max(one.y, other.y)
    if wide <= 0 or high <= 0:
        return True
    shared = wide * high
    return (
        shared / min(one.side, other.side) ** 2 < 0.5
        or shared / (one.side**2 + other.side**2 - shared) < _MAX_OVERLAP * 0.3
    )


def _score(place: SymbolSquare, longest_side: int) -> float:
    """The score of a symbol; 0 below its operating point."""
    symbol = SYMBOLS[place.symbol]
    if place.certainty < symbol.point or place.side < symbol.min_side * longest_side:
        return 0.0
    return float(np.interp(place.certainty, (symbol.point, 1.0), symbol.scores))


def _finding(place: SymbolSquare, width: int, height: int) -> Finding:
    symbol = SYMBOLS[place.symbol]
    inset = place.side * 0.125
    left, right = np.clip([(place.x + inset) / width, (place.x + place.side - inset) / width], 0, 1).tolist()
    top, bottom = np.clip(
        [(place.y + inset) / height, (place.y + place.side - inset) / height], 0, 1
    ).tolist()
    return Finding(
        category=Category.HATE_SYMBOLS.value,
        score=round(min(_score(place, max(width, height)), 0.99), 4),
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        basis=Basis.LEARNED,
        reason=f"{symbol.what} seems to be in the picture.",
        evidence=(
            ImageBox(x=round(left, 4), y=round(top, 4), w=round(right - left, 4), h=round(bottom - top, 4)),
        ),
        attributes={"kind": symbol.kind, "area": round((right - left) * (bottom - top), 5)},
    )
