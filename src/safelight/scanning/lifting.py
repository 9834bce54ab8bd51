"""Lifting what is new in a frame off what was there before: a second, clearer look at it.

Something laid over a picture at three tenths of its strength leaves seven tenths of that picture in sight.
The neighbours say what was there; taken away in the right measure, only what was laid over remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

#: Below this part of the ground left in sight there is nothing to take away.
_LEAST = 0.05
#: Blocks across and down, their least side in pixels, and the least variance of a ground that says anything.
_BLOCKS, _SIDE, _SPREAD = 8, 4, 4.0
#: Strays at either end when what is left is stretched over all levels, in percent.
_STRAY = 0.5
#: What is left must span so many steps of 255; less is noise of the encoder.
_SPAN = 10.0


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of a frame, larger or clearer: its pixels, and where it is in parts of the picture."""

    pixels: Pixels
    x: float
    y: float
    w: float
    h: float

    def placed(self, x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        """A box in parts of the view as one in parts of the picture."""
        return (
            round(self.x + x * self.w, 4),
            round(self.y + y * self.h, 4),
            round(w * self.w, 4),
            round(h * self.h, 4),
        )


def lifted(frame: Pixels, grounds: list[Pixels]) -> Pixels | None:
    """What was laid over the ground, all levels used; None where hardly any ground is left in sight.

    `grounds` are the same part of neighbouring frames, moved to where it is now; the nearest is used.
    """
    now = frame.astype(np.float32)
    best = min(grounds, key=lambda ground: float(np.abs(now - ground).mean())).astype(np.float32)
    left = _left(now.mean(axis=2), best.mean(axis=2))
    if left < _LEAST:
        return None
    rest: Map = now - left * best
    return stretched(rest)


def _left(light: Map, under: Map) -> float:
    """How much of the ground is left in sight: the middle one of what every block of the part says.

    Under a card or a face most blocks say the same. Under letters most show the ground as it was: 1.
    """
    said = []
    for rows in np.array_split(np.arange(light.shape[0]), _BLOCKS):
        for columns in np.array_split(np.arange(light.shape[1]), _BLOCKS):
            if min(rows.size, columns.size) < _SIDE:
                continue
            block = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            spread = float(under[block].var())
            if spread > _SPREAD:
                apart = light[block] - light[block].mean()
                said.append(float((apart * (under[block] - under[block].mean())).mean()) / spread)
    return float(np.clip(np.median(said), 0.0, 1.0)) if len(said) >= _SIDE else 1.0


def stretched(rest: Map) -> Pixels | None:
    """All levels used, colours kept in proportion; None where there is nothing but noise."""
    low, high = np.percentile(rest, (_STRAY, 100 - _STRAY)).tolist()
    if high - low < _SPAN:
        return None
    scaled: Any = (rest - low) * (255.0 / (high - low))
    clear: Pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    return clear
