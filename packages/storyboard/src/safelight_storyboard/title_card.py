"""A title card: the words for a subject that is not drawn, over its scene."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import CameraView
from safelight_storyboard.raster import Raster, over, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.text_signs import drawable, letters


@dataclass(kw_only=True)
class TitleCard:
    """The nearest element of a shot: darkens the scene behind the words, and writes them."""

    words: Raster
    shade: Raster

    @classmethod
    def make(cls, scene: Scene, size: tuple[int, int]) -> TitleCard | None:
        """The title card of a scene; None if it has none, or if no font has the letters.

        The words are in the middle, between two thin lines, and the texts of signs below.
        """
        w, h = size
        words = np.zeros((h, w, 4), np.uint8)
        half = _write(words, scene.card, h // 2, round(0.13 * min(h, w)))
        if not half:
            return None
        ink = tuple(float(c) * 0.7 for c in (*rgb("#f4eee2"), 255.0))
        gap, reach = half + round(0.05 * h), round(0.09 * w)
        for y in (h // 2 - gap, h // 2 + gap):
            cv2.line(words, (w // 2 - reach, y), (w // 2 + reach, y), ink, max(1, h // 360), cv2.LINE_AA)
        for number, sign in enumerate(scene.signs):
            _write(words, sign, h // 2 + gap + round((0.09 + 0.1 * number) * h), round(0.07 * min(h, w)))
        ys = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
        xs = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
        shade = 205 - 105 * np.exp(-((ys / 0.5) ** 2) - (xs / 1.3) ** 2)
        return cls(words=words, shade=np.repeat(shade[..., None], 4, axis=2).astype(np.uint8))

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        cv2.multiply(frame, self.shade, dst=frame, scale=1 / 255)
        over(frame, self.words)


def _write(out: Raster, text: str, middle: int, height: int) -> int:
    """Writes a line centred at the row `middle`. Returns half of its height, 0 if no font has its letters."""
    h, w = out.shape[:2]
    words = drawable(text)
    mask = letters(words, height) if words else None
    while mask is not None and mask.shape[1] > 0.8 * w and height > 14:
        height = max(14, round(height * min(0.92, 0.8 * w / mask.shape[1])))
        mask = letters(words, height)
    if mask is None:
        return 0
    mask = mask[:, : w - 4]
    x, y = (w - mask.shape[1]) // 2, middle - mask.shape[0] // 2
    y = max(0, min(y, h - mask.shape[0]))
    part = out[y : y + mask.shape[0], x : x + mask.shape[1]]
    part[..., 3] = mask
    part[..., :3] = mask[..., None] * (rgb("#f4eee2") / 255)
    return int(mask.shape[0]) // 2
