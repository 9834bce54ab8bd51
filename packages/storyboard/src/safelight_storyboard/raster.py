"""Raster pictures: types, colours, noise and compositing.

Every picture of the storyboard is BGRA with 8 bits per channel and premultiplied alpha.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Raster = NDArray[Any]
Colour = NDArray[Any]


def rgb(value: str | tuple[int, int, int]) -> Colour:
    """A colour (`#rrggbb`, or RGB from 0 to 255) as BGR floats, the channel order of all rasters here."""
    if isinstance(value, str):
        value = (int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16))
    return np.array(value[::-1], np.float32)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    return (a + (b - a) * np.float32(share)).astype(np.float32)


def scalar(colour: Colour, alpha: float = 1.0) -> tuple[float, float, float, float]:
    """A colour for cv2 drawing into a premultiplied BGRA canvas."""
    b, g, r = (float(min(255.0, max(0.0, c))) * alpha for c in colour)
    return (b, g, r, 255.0 * alpha)


def noise(
    rng: np.random.Generator, w: int, h: int, cell: float, *, octaves: int = 5, stretch: float = 1.0
) -> Raster:
    """Smooth value noise from 0 to 1, as float32 of shape (h, w). `cell` is the size of the largest
    structures in pixels.
    """
    total = np.zeros((h, w), np.float32)
    weight, amplitude = 0.0, 1.0
    for octave in range(octaves):
        cx = max(2, round(cell * stretch / 2**octave))
        cy = max(2, round(cell / 2**octave))
        grid = rng.random((h // cy + 4, w // cx + 4), np.float32)
        full = cv2.resize(grid, (grid.shape[1] * cx, grid.shape[0] * cy), interpolation=cv2.INTER_CUBIC)
        total += amplitude * full[cy : cy + h, cx : cx + w]
        weight += amplitude
        amplitude *= 0.5
        if cell / 2**octave <= 3:
            break
    return np.asarray(np.clip(total / weight, 0, 1))


def line(rng: np.random.Generator, n: int, cell: float, *, octaves: int = 6, sharp: float = 0.0) -> Raster:
    """A ridge line of n samples from -1 to 1. `sharp` ranges from 0 (rolling hills) to 1 (peaks)."""
    total = np.zeros(n, np.float32)
    amplitude, weight = 1.0, 0.0
    for octave in range(octaves):
        size = max(2.0, cell / 2**octave)
        knots = rng.random(int(n / size) + 4).astype(np.float32) * 2 - 1
        at = np.arange(n, dtype=np.float32) / size + rng.random() + 1
        left = np.minimum(at.astype(np.int64), len(knots) - 2)
        u = np.clip(at - left, 0, 1)
        u = u * u * (3 - 2 * u)
        wave = knots[left] * (1 - u) + knots[left + 1] * u
        total += amplitude * ((1 - sharp) * wave + sharp * (1 - 2 * np.abs(wave)))
        weight += amplitude
        amplitude *= 0.47
    return np.asarray(total / weight * 1.6, np.float32)


def pack(colour: Raster, alpha: Raster) -> Raster:
    """A premultiplied BGRA picture from BGR floats (h, w, 3) and an alpha from 0 to 1 (h, w)."""
    out = np.empty((*alpha.shape, 4), np.uint8)
    np.clip(colour * alpha[..., None] + 0.5, 0, 255, out=colour)
    out[..., :3] = colour
    out[..., 3] = np.clip(alpha * 255 + 0.5, 0, 255)
    return out


def over(target: Raster, picture: Raster) -> None:
    """Composites a premultiplied BGRA picture onto a frame region of equal size, in place."""
    rest = cv2.bitwise_not(cv2.extractChannel(picture, 3))
    cv2.multiply(target, cv2.merge((rest, rest, rest, rest)), dst=target, scale=1 / 255)
    cv2.add(target, picture, dst=target)


def place(frame: Raster, picture: Raster, x: int, y: int) -> None:
    """Composites a picture onto a frame at (x, y). Parts outside the frame are dropped."""
    h, w = picture.shape[:2]
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(frame.shape[1], x + w), min(frame.shape[0], y + h)
    if x0 < x1 and y0 < y1:
        part = np.ascontiguousarray(frame[y0:y1, x0:x1])
        over(part, np.ascontiguousarray(picture[y0 - y : y1 - y, x0 - x : x1 - x]))
        frame[y0:y1, x0:x1] = part


def glow(frame: Raster, disc: Raster, x: float, y: float) -> None:
    """Adds light to a frame. `disc` is a BGRA picture with its centre at (x, y)."""
    h, w = disc.shape[:2]
    left, top = round(x - w / 2), round(y - h / 2)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(frame.shape[1], left + w), min(frame.shape[0], top + h)
    if x0 < x1 and y0 < y1:
        part = frame[y0:y1, x0:x1]
        frame[y0:y1, x0:x1] = cv2.add(
            np.ascontiguousarray(part), np.ascontiguousarray(disc[y0 - top : y1 - top, x0 - left : x1 - left])
        )


def halo(radius: int, colour: Colour, strength: float, *, power: float = 2.0) -> Raster:
    """A round picture for `glow`, which is brightest in the middle."""
    span = np.arange(-radius, radius + 1, dtype=np.float32) / radius
    distance = np.sqrt(span[:, None] ** 2 + span[None, :] ** 2)
    fall = np.clip(1 - distance, 0, 1) ** power * strength
    out = np.zeros((2 * radius + 1, 2 * radius + 1, 4), np.uint8)
    out[..., :3] = np.clip(fall[..., None] * colour, 0, 255)
    return out
