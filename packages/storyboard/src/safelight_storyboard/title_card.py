"""A title card: the words for a subject that is not drawn, on a calm background."""

from __future__ import annotations

import math

import cv2
import numpy as np

from safelight_storyboard.palette import light_for
from safelight_storyboard.raster import Raster, mix, noise, over, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.text_signs import drawable, letters


class TitleCard:
    """Paints the frames of a title card as (h, w, 4) BGRA, like `Shot`."""

    thunder_at: float | None = None

    def __init__(self, scene: Scene, size: tuple[int, int], seconds: float, rng: np.random.Generator) -> None:
        self._w, self._h = size
        self._seconds = seconds
        light = light_for(scene)
        ground = mix(light.sky[0], rgb("#10141c"), 0.35)
        glow = mix(light.sky[3], light.sun, 0.3)
        wide = (self._w + self._h // 4, self._h)
        self._sheet = _background(wide, ground, mix(light.sky[1], ground, 0.3), glow, rng)
        self._words = _words(scene.card, scene.signs, size)
        self._frame = np.zeros((self._h, self._w, 4), np.uint8)

    def paint(self, t: float) -> Raster:
        """The frame at `t` seconds. The next call overwrites the returned array."""
        spare = self._sheet.shape[1] - self._w
        shift = -spare * (0.5 - 0.5 * math.cos(math.pi * t / self._seconds))
        self._frame[:] = cv2.warpAffine(
            self._sheet, np.array([[1.0, 0, shift], [0, 1.0, 0]]), (self._w, self._h), flags=cv2.INTER_LINEAR
        )
        over(self._frame, self._words)
        return self._frame


def _background(
    size: tuple[int, int], ground: Raster, second: Raster, glow: Raster, rng: np.random.Generator
) -> Raster:
    """A dark gradient with one broad, soft light."""
    w, h = size
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    down = (ys / h)[..., None]
    colour = ground * (1 - down) + second * down
    away = np.hypot((xs - 0.5 * w) / (0.75 * w), (ys - 1.12 * h) / (0.8 * h))
    light = np.clip(1 - away, 0, 1)[..., None] ** 1.6
    colour += (glow - colour) * light * 0.55
    colour *= (0.95 + 0.1 * noise(rng, w, h, h * 0.6, octaves=3))[..., None]
    out = np.full((h, w, 4), 255, np.uint8)
    out[..., :3] = np.clip(colour, 0, 255)
    return out


def _words(card: str, signs: tuple[str, ...], size: tuple[int, int]) -> Raster:
    """The words in the middle, between two thin lines, and the texts of signs below.

    Without a font for the words, only the lines are drawn.
    """
    w, h = size
    out = np.zeros((h, w, 4), np.uint8)
    half = _write(out, card, h // 2, round(0.13 * min(h, w)))
    ink = tuple(float(c) * 0.7 for c in (*rgb("#f4eee2"), 255.0))
    gap, reach = half + round(0.05 * h), round(0.09 * w)
    for y in (h // 2 - gap, h // 2 + gap):
        cv2.line(out, (w // 2 - reach, y), (w // 2 + reach, y), ink, max(1, h // 360), cv2.LINE_AA)
    for number, sign in enumerate(signs):
        _write(out, sign, h // 2 + gap + round((0.09 + 0.1 * number) * h), round(0.07 * min(h, w)))
    return out


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
