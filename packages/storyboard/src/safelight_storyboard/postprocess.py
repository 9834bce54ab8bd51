"""Post-processing: adds vignette, grain, style and caption to a painted frame and converts it to YUV
planes.
"""

from __future__ import annotations

import cv2
import numpy as np

from safelight_storyboard.lexicon import CAPTION, Mood, Style, Tint
from safelight_storyboard.raster import Raster, noise
from safelight_storyboard.scene import Scene
from safelight_storyboard.text_signs import letters


class Film:
    """Converts BGRA frames to Y, U and V planes in the full size of the clip."""

    def __init__(
        self, scene: Scene, size: tuple[int, int], inner: tuple[int, int], rng: np.random.Generator
    ) -> None:
        self._w, self._h = size
        self._inner = inner
        self._noir = Style.NOIR in scene.styles
        self._vintage = Style.VINTAGE in scene.styles
        self._anime = Style.ANIME in scene.styles
        self._rng = rng
        grain = 1.7
        if self._noir or self._vintage:
            grain = 5.5
        elif self._anime:
            grain = 1.3
        self._steps = (np.arange(256) & 240 | 7).astype(np.uint8)
        self._grain = _grain_tile(rng, size, grain)
        self._vignette = self._make_vignette(scene, rng)
        self._curve = _curve(scene)
        self._caption = _caption(size)

    def develop(self, frame: Raster) -> tuple[Raster, Raster, Raster]:
        """The planes of one frame. Equal frames in the same order result in equal planes."""
        iw, ih = self._inner
        if self._anime:
            frame = cv2.LUT(frame, self._steps)
        planes = cv2.cvtColor(frame, cv2.COLOR_BGRA2YUV_I420)
        quarter = iw * ih // 4
        flat = planes.reshape(-1)
        y = flat[: iw * ih].reshape(ih, iw)
        u = flat[iw * ih : iw * ih + quarter].reshape(ih // 2, iw // 2)
        v = flat[iw * ih + quarter :].reshape(ih // 2, iw // 2)
        half = (self._w // 2, self._h // 2)
        y = cv2.resize(y, (self._w, self._h), interpolation=cv2.INTER_CUBIC)
        if self._noir:
            u = v = np.full((half[1], half[0]), 128, np.uint8)
        elif self._vintage:
            u = cv2.convertScaleAbs(cv2.resize(u, half), alpha=0.55, beta=0.45 * 114)
            v = cv2.convertScaleAbs(cv2.resize(v, half), alpha=0.55, beta=0.45 * 140)
        else:
            u, v = cv2.resize(u, half), cv2.resize(v, half)
        if self._curve is not None:
            y = cv2.LUT(y, self._curve)
        y = cv2.multiply(y, self._vignette, scale=1 / 255)
        gy, gx = (int(g) for g in self._rng.integers(0, 64, 2))
        y = cv2.addWeighted(y, 1.0, self._grain[gy : gy + self._h, gx : gx + self._w], 1.0, -128)
        self._write(y)
        return y, u, v

    def _write(self, y: Raster) -> None:
        if self._caption is None:
            return
        shadow, text = self._caption
        h, w = text.shape
        x0, y0 = round(self._h * 0.022), self._h - h - round(self._h * 0.014)
        part = y[y0 : y0 + h, x0 : x0 + w]
        part = cv2.subtract(part, shadow[:, : part.shape[1]])
        y[y0 : y0 + h, x0 : x0 + w] = cv2.max(part, text[:, : part.shape[1]])

    def _make_vignette(self, scene: Scene, rng: np.random.Generator) -> Raster:
        ys = np.linspace(-1, 1, self._h, dtype=np.float32)[:, None]
        xs = np.linspace(-1, 1, self._w, dtype=np.float32)[None, :]
        strength = 0.2
        if scene.mood is Mood.TENSE or self._noir or self._vintage:
            strength = 0.42
        field = 1 - strength * np.clip((xs**2 + ys**2) / 2, 0, 1) ** 1.5
        if Style.WATERCOLOR in scene.styles:
            paper = noise(rng, self._w, self._h, self._h * 0.012, octaves=3)
            wash = noise(rng, self._w, self._h, self._h * 0.35, octaves=4)
            edge = np.maximum(np.abs(xs), np.abs(ys))
            field = field * (0.92 + 0.1 * paper) * (0.9 + 0.14 * wash)
            field = field + (1 - field) * np.clip((edge - 0.93) * 8, 0, 0.6)
        return np.clip(field * 255, 0, 255).astype(np.uint8)


def wash(picture: Raster) -> Raster:
    """The watercolour style: flat patches of colour with soft, darker edges."""
    bgr = cv2.bilateralFilter(picture[..., :3], 7, 42, 7)
    soft = cv2.GaussianBlur(bgr, (0, 0), 2.5)
    pale = cv2.addWeighted(bgr, 1.5, soft, -0.5, 0)
    alpha = picture[..., 3:]
    out = picture.copy()
    out[..., :3] = np.minimum(pale * np.float32(0.86) + alpha * np.float32(0.134), alpha)
    return out


def _curve(scene: Scene) -> Raster | None:
    """A lookup table for brightness, from 16 to 235."""
    x = np.clip((np.arange(256, dtype=np.float32) - 16) / 219, 0, 1)
    if Style.NOIR in scene.styles:
        x = x**0.72
        y = np.clip(x + 0.24 * (x - 0.38) * (1 - np.abs(2 * x - 1)) * 2, 0, 1)
    elif Style.VINTAGE in scene.styles:
        y = 0.07 + 0.86 * x
    elif Style.WATERCOLOR in scene.styles or Tint.PASTEL in scene.tints:
        y = 0.12 + 0.86 * x
    elif scene.mood is Mood.EPIC:
        y = np.clip(x + 0.16 * (x - 0.45) * (1 - np.abs(2 * x - 1)) * 2, 0, 1)
    else:
        return None
    return np.asarray(np.clip(16 + y * 219 + 0.5, 0, 255).astype(np.uint8))


def _grain_tile(rng: np.random.Generator, size: tuple[int, int], strength: float) -> Raster:
    """Grain around the value 128. It is slightly larger than the picture, so that each frame can use
    another offset.
    """
    w, h = size
    grain = rng.normal(0, 1, (h + 64, w + 64)).astype(np.float32)
    soft: Raster = cv2.GaussianBlur(grain, (0, 0), 0.7)
    soft = soft * np.float32(strength / float(soft.std()))
    return np.asarray(np.clip(soft + 128.5, 0, 255).astype(np.uint8))


def _caption(size: tuple[int, int]) -> tuple[Raster, Raster] | None:
    w, h = size
    height = max(11, round(min(h * 0.024, w * 0.034)))
    mask = letters(CAPTION, height)
    if mask is None:
        return None
    # The shadow is dark enough to read the words on snow and clouds.
    shadow = cv2.GaussianBlur(cv2.dilate(mask, np.ones((3, 3), np.uint8)), (0, 0), max(1.0, height * 0.14))
    return cv2.convertScaleAbs(shadow, alpha=0.7), cv2.convertScaleAbs(mask, alpha=0.8)
