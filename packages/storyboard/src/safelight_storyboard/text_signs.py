"""Text in the picture: boards by day, neon at night. Draws Latin letters, and others if a font is
installed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from safelight.media.fonts import HAN_FONTS, WIDE_FONTS, font_for
from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, over, place, rgb

_PLAIN = str.maketrans("–—‘’“”•×", "--''\"\"*x")


def drawable(text: str, *, han: tuple[str, ...] = HAN_FONTS, wide: tuple[str, ...] = WIDE_FONTS) -> str:
    """The part of `text` that can be drawn: all of it, or only its plain letters if no font has the
    others.
    """
    clean = "".join(c for c in text.translate(_PLAIN) if c.isprintable())
    if font_for(clean, 12, han=han, wide=wide) is None:
        clean = unicodedata.normalize("NFKD", clean).encode("ascii", "ignore").decode()
    return " ".join(clean.split())


def letters(text: str, size: int) -> Raster | None:
    """`text` as an 8-bit mask. Its margin is a quarter of its height."""
    font = font_for(text, size)
    if font is None or not text:
        return None
    left, top, right, bottom = font.getbbox(text, stroke_width=max(0, size // 28))
    pad = size // 4
    image = Image.new("L", (round(right - left) + 2 * pad, round(bottom - top) + 2 * pad), 0)
    ImageDraw.Draw(image).text(
        (pad - left, pad - top), text, fill=255, font=font, stroke_width=max(0, size // 28)
    )
    return np.asarray(image)


@dataclass(kw_only=True)
class Sign:
    """A board or neon letters at one depth of the scene."""

    picture: Raster
    x: float
    y: float
    depth: float
    glow: Raster | None
    posts: tuple[float, float] | None
    post_colour: tuple[float, float, float, float]
    ground: float

    @classmethod
    def make(
        cls,
        text: str,
        light: Light,
        camera: Camera,
        *,
        index: int,
        neon: bool,
        ground: float,
        depth: float,
        posts: bool,
    ) -> Sign | None:
        """The sign, or None if no character can be drawn."""
        words = drawable(text)
        widest = 0.44 * camera.w if camera.w >= camera.h else 0.74 * camera.w
        size = round(0.12 * camera.h)
        mask = letters(words, size)
        while mask is not None and mask.shape[1] > widest and size > 14:
            size = max(14, int(size * min(0.92, widest / mask.shape[1])))
            mask = letters(words, size)
        if mask is None:
            return None
        y = camera.h * (0.27 + 0.26 * index)
        x = camera.w * (0.5 if camera.w < camera.h else 0.68 if neon else 0.66)
        if neon:
            picture, glow = _neon(mask, rgb(("#ff5c8a", "#6fe3ff")[index % 2]), size)
        else:
            picture, glow = _board(mask, light, size), None
        b, g, r = (float(c) for c in np.clip(light.shade * 1.1, 0, 255))
        half = picture.shape[1] * 0.36
        return cls(
            picture=picture,
            x=x,
            y=y,
            depth=depth,
            glow=glow,
            posts=(-half, half) if posts and not neon and not index else None,
            post_colour=(b, g, r, 255.0),
            ground=ground * camera.h,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        x, y = view.at(self.x, self.y, self.depth)
        h, w = self.picture.shape[:2]
        if self.posts is not None:
            _, foot = view.at(self.x, self.ground, self.depth)
            for dx in self.posts:
                a, b = (round((x + dx) * 16), round(y * 16)), (round((x + dx) * 16), round(foot * 16))
                cv2.line(frame, a, b, self.post_colour, max(2, h // 14), cv2.LINE_AA, 4)
        ix, iy = int(np.floor(x - w / 2)), int(np.floor(y - h / 2))
        move = np.array([[1.0, 0, x - w / 2 - ix], [0, 1.0, y - h / 2 - iy]])
        place(frame, cv2.warpAffine(self.picture, move, (w + 1, h + 1)), ix, iy)
        if self.glow is not None:
            soft = cv2.warpAffine(self.glow, move, (w + 1, h + 1))
            _add(frame, soft, ix, iy)


def _add(frame: Raster, picture: Raster, x: int, y: int) -> None:
    h, w = picture.shape[:2]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(frame.shape[1], x + w), min(frame.shape[0], y + h)
    if x0 < x1 and y0 < y1:
        part = np.ascontiguousarray(frame[y0:y1, x0:x1])
        frame[y0:y1, x0:x1] = cv2.add(part, np.ascontiguousarray(picture[y0 - y : y1 - y, x0 - x : x1 - x]))


def _board(mask: Raster, light: Light, size: int) -> Raster:
    """Dark letters on a pale board, readable in any light."""
    pad = size // 3
    h, w = mask.shape[0] + 2 * pad, mask.shape[1] + 2 * pad
    out = np.zeros((h, w, 4), np.uint8)
    glow = np.maximum(light.ambient, np.float32(0.8))
    face = rgb("#f3ead6") * glow
    wood = rgb("#5b4030") * glow
    radius = size // 6
    for inset, colour in ((0, wood), (max(2, size // 12), face)):
        b, g, r = (float(c) for c in colour)
        _rounded(out, inset, inset, w - 1 - inset, h - 1 - inset, radius, (b, g, r, 255.0))
    ink = np.zeros_like(out)
    padded = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0,))
    ink[..., 3] = padded
    ink[..., :3] = padded[..., None] * (rgb("#2b211c") / 255)
    over(out, ink)
    return out


def _rounded(
    out: Raster, x0: int, y0: int, x1: int, y1: int, radius: int, colour: tuple[float, float, float, float]
) -> None:
    cv2.rectangle(out, (x0 + radius, y0), (x1 - radius, y1), colour, -1)
    cv2.rectangle(out, (x0, y0 + radius), (x1, y1 - radius), colour, -1)
    for cx in (x0 + radius, x1 - radius):
        for cy in (y0 + radius, y1 - radius):
            cv2.circle(out, (cx, cy), radius, colour, -1, cv2.LINE_AA)


def _neon(mask: Raster, colour: Colour, size: int) -> tuple[Raster, Raster]:
    """Bright letters with a coloured edge on a dark plate, with a glow."""
    pad = round(size * 0.9)
    wide = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0,))
    out = np.zeros((*wide.shape, 4), np.uint8)
    plate = round(pad * 0.62)
    _rounded(
        out,
        plate,
        plate,
        out.shape[1] - 1 - plate,
        out.shape[0] - 1 - plate,
        size // 8,
        (22.0, 14.0, 18.0, 255.0),
    )
    edge = cv2.GaussianBlur(wide, (0, 0), size * 0.05).astype(np.float32) / 255
    core = wide.astype(np.float32) / 255
    tube = np.clip(colour * np.minimum(1, edge * 1.3)[..., None] + core[..., None] * 105, 0, 255)
    share = np.clip(np.maximum(edge, core), 0, 1)[..., None]
    out[..., :3] = np.clip(out[..., :3] * (1 - share) + tube * share, 0, 255)
    out[..., 3] = np.maximum(out[..., 3], (core * 255).astype(np.uint8))
    soft = cv2.GaussianBlur(wide, (0, 0), size * 0.3).astype(np.float32) / 255
    glow = np.zeros_like(out)
    glow[..., :3] = np.clip(soft[..., None] * colour * 0.95, 0, 255)
    return out, glow
