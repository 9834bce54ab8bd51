"""Strong wind: bent trees, and snow that the wind drives."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.figures import Figure, Pen, Point, Tones
from safelight_storyboard.palette import Light
from safelight_storyboard.place import Place
from safelight_storyboard.raster import Colour, Raster, mix, rgb, scalar
from safelight_storyboard.weather import Rain


def bent_palm(pen: Pen, phase: float, tones: Tones) -> None:
    """A palm that the wind bends to the right. One unit is its height when it stands upright."""
    gust = 0.06 * math.sin(phase) + 0.03 * math.sin(2.7 * phase)
    stem: list[Point] = []
    for step in range(11):
        u = step / 10
        stem.append(((0.34 + gust) * u**1.9, 0.86 * u - 0.1 * u**3))
    for number, (a, b) in enumerate(pairwise(stem)):
        pen.limb(a, b, 0.034 - 0.0016 * number, 0.032 - 0.0016 * number, tones.dark)
    head = stem[-1]
    for number in range(11):
        angle = -0.75 + number * 0.15 + 0.12 * math.sin(phase * 1.6 + number)
        reach = 0.5 - 0.02 * abs(number - 5)
        for side in (1, -1):
            line: list[Point] = []
            for step in range(8):
                u = step / 7
                y = head[1] + math.sin(angle) * reach * u - 0.16 * u * u
                line.append(
                    (head[0] + math.cos(angle * 0.7) * reach * u, y + side * 0.022 * math.sin(3.1 * u))
                )
            pen.shape([head, *line], tones.body if number % 2 else tones.dark)


def bent_trees(light: Light, camera: Camera, place: Place) -> list[Figure]:
    """Three palms that bend in gusts."""
    leaf = mix(rgb("#3f5a3c") * np.maximum(light.ambient, 0.4), light.shade, 0.35)
    tones = Tones(body=leaf, dark=leaf * np.float32(0.62), skin=leaf, accent=leaf)
    trees = []
    for number, (x, size) in enumerate(((0.16, 0.62), (0.5, 0.42), (0.76, 0.54))):
        spot = (x * camera.w, (place.ground + 0.02 * (number % 2)) * camera.h)
        trees.append(
            Figure(
                draw=bent_palm,
                tones=tones,
                depth=place.depth,
                unit=size * camera.h,
                extent=(0.5, 1.1, 1.25, 0.05),
                path=lambda _t, spot=spot: spot,  # type: ignore[misc]
                phase=lambda t, start=number: 3.2 * t + start,  # type: ignore[misc]
                shadow=0.4,
            )
        )
    return trees


def driven_snow(camera: Camera, rng: np.random.Generator, *, colour: Colour, slant: float) -> Rain:
    """Dense snow in layers that repeat. `slant` is the sideways speed as a share of the fall."""
    w, h = camera.w, camera.h
    unit = h / 540
    sheets = []
    for size, speed, count in ((1.0, 0.34, 620), (1.7, 0.5, 380), (3.0, 0.75, 150), (5.0, 1.05, 34)):
        sheet: Raster = np.zeros((h, w, 4), np.uint8)
        reach = size * unit * (0.9 + 1.3 * slant)
        for _ in range(int(count * w * h / 518400)):
            x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
            tone = scalar(colour * np.float32(rng.uniform(0.45, 0.85)))
            for ox in (0, -w, w):
                for oy in (0, -h):
                    a = (round((x + ox) * 16), round((y + oy) * 16))
                    b = (round((x + ox - slant * reach) * 16), round((y + oy + reach * 0.5) * 16))
                    cv2.line(sheet, a, b, tone, max(1, round(size * unit)), cv2.LINE_AA, 4)
        if size >= 3:
            sheet = cv2.GaussianBlur(sheet, (0, 0), size * unit * 0.3)
        sheet[..., 3] = 0
        sheets.append((np.vstack([sheet, sheet]), speed * h, slant * speed * h))
    return Rain(sheets=tuple(sheets))
