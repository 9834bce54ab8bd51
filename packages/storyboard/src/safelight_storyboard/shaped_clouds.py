"""Clouds with a shape: a sea of clouds that fills the valleys, and heavy clouds in the sky."""

from __future__ import annotations

import cv2
import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.layers import Element, Layer, room
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, mix, noise, pack, rgb

#: Depth, row of the crest as a fraction of the frame height, and size of the billows.
_BANKS = ((0.2, 0.56, 0.03), (0.34, 0.63, 0.045), (0.5, 0.71, 0.065), (0.7, 0.8, 0.09), (0.9, 0.9, 0.12))


def sea_of_clouds(light: Light, camera: Camera, rng: np.random.Generator) -> list[Element]:
    """The banks, from far to near. Each drifts on its own."""
    white = mix(np.minimum(light.ambient * 255 * 1.15 + 22, 255).astype(np.float32), light.sky[3], 0.25)
    shade = mix(white * np.float32(0.74), mix(light.sky[1], rgb("#8090b0"), 0.3), 0.42)
    return [
        _bank(camera, rng, depth=depth, crest=crest, size=size, white=white, shade=shade)
        for depth, crest, size in _BANKS
    ]


def _bank(
    camera: Camera,
    rng: np.random.Generator,
    *,
    depth: float,
    crest: float,
    size: float,
    white: Colour,
    shade: Colour,
) -> Layer:
    drift = 8 * camera.h / 540 * (0.5 + depth)
    left, _, width, _ = room(camera, depth, drift)
    top = int((crest - 1.6 * size) * camera.h)
    height = camera.h + camera.margins(depth)[3] - top + 4
    alpha = np.zeros((height, width), np.uint8)
    lit = np.zeros((height, width), np.uint8)
    radius, line = size * camera.h, 1.6 * size * camera.h
    x = -radius
    while x < width + radius:
        r = radius * float(rng.uniform(0.45, 1.15))
        at = (round(x), round(line + radius * float(rng.uniform(0.1, 0.5))))
        cv2.circle(alpha, at, round(r), (255,), -1, cv2.LINE_AA)
        # Each billow is lit from above.
        cv2.circle(
            lit, (at[0] - round(0.2 * r), at[1] - round(0.3 * r)), round(0.72 * r), (255,), -1, cv2.LINE_AA
        )
        x += r * 0.6
    alpha[round(line + 0.4 * radius) :] = 255
    soft = radius * 0.28
    body = cv2.GaussianBlur(lit, (0, 0), soft).astype(np.float32)[..., None] / 255
    down = np.clip((np.arange(height, dtype=np.float32) - line) / (0.26 * camera.h), 0, 1)[:, None, None]
    wisps = noise(rng, width, height, camera.h * 0.14, octaves=3, stretch=2.4)[..., None]
    colour = shade + (white - shade) * np.clip(0.35 + 0.75 * body - 0.3 * down + 0.35 * (wisps - 0.5), 0, 1)
    edge = cv2.GaussianBlur(alpha, (0, 0), max(0.8, soft * 0.3)).astype(np.float32) / 255
    return Layer(texture=pack(colour.astype(np.float32), edge), depth=depth, left=left, top=top, drift=drift)


def heavy_clouds(light: Light, camera: Camera, rng: np.random.Generator) -> list[Element]:
    """Grey clouds with flat undersides, which cover most of the sky."""
    grey = mix(light.sky[1], light.haze, 0.5)
    grey = mix(grey, np.full(3, float(grey.mean()), np.float32), 0.7)
    return [
        _deck(
            camera,
            rng,
            depth=depth,
            row=row,
            size=size,
            lit=np.minimum(grey * np.float32(1.3), 250),
            shade=grey * np.float32(dark),
        )
        for depth, row, size, dark in (
            (0.05, 0.4, 0.05, 0.86),
            (0.07, 0.26, 0.08, 0.8),
            (0.1, 0.1, 0.12, 0.72),
        )
    ]


def _deck(
    camera: Camera,
    rng: np.random.Generator,
    *,
    depth: float,
    row: float,
    size: float,
    lit: Colour,
    shade: Colour,
) -> Layer:
    drift = 14 * camera.h / 540 * (0.4 + 5 * depth)
    left, _, width, _ = room(camera, depth, drift)
    base, radius = 2.6 * size * camera.h, size * camera.h
    height = round(base + 1.2 * radius)
    alpha = np.zeros((height, width), np.uint8)
    light_mask = np.zeros((height, width), np.uint8)
    x = -radius
    while x < width + radius:
        for step in range(int(rng.integers(5, 9))):
            r = radius * float(rng.uniform(0.45, 1.0))
            at = (round(x + step * 0.75 * radius), round(base - float(rng.uniform(0.2, 1.1)) * radius))
            cv2.circle(alpha, at, round(r), (255,), -1, cv2.LINE_AA)
            cv2.circle(light_mask, (at[0], at[1] - round(0.22 * r)), round(0.8 * r), (255,), -1, cv2.LINE_AA)
        x += radius * float(rng.uniform(5.5, 8.5))
    alpha[round(base + 0.1 * radius) :] = 0
    light_mask[round(base - 0.35 * radius) :] = 0
    soft = cv2.GaussianBlur(alpha, (0, 0), radius * 0.07).astype(np.float32) / 255
    shine = cv2.GaussianBlur(light_mask, (0, 0), radius * 0.3).astype(np.float32)[..., None] / 255
    colour = shade + (lit - shade) * np.clip(shine * 1.1, 0, 1)
    top = round(row * camera.h - base)
    return Layer(
        texture=pack(colour.astype(np.float32), 0.94 * soft), depth=depth, left=left, top=top, drift=drift
    )
