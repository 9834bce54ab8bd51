"""Drawings put onto things: paint, cloth, paper, photographs; tilted, worn, blurred, noisy, re-encoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .symbol_drawings import SIDE, UNIT, Mask, Rng, words

Plane = npt.NDArray[np.float32]


def photographs(folder: Path | None) -> list[Plane]:
    """Grey pictures to paint on, from a folder that is not ours to commit; none: only drawn grounds."""
    if folder is None:
        return []
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".png", ".jpg", ".jpeg"}:
            read = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if read is not None and min(read.shape) >= 200:
                found.append((read / 255.0).astype(np.float32))
    return found


def ground(rng: Rng, side: int, photos: Sequence[Plane]) -> Plane:
    """What a thing is painted on."""
    kind = rng.random()
    if photos and kind < 0.45:
        photo = photos[int(rng.integers(len(photos)))]
        part = min(int(rng.uniform(60, 600)), *photo.shape)
        top = int(rng.integers(photo.shape[0] - part + 1))
        left = int(rng.integers(photo.shape[1] - part + 1))
        cut = photo[top : top + part, left : left + part]
        return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    level = rng.uniform(0, 1)
    made = np.full((side, side), level, np.float32)
    if kind < 0.75:
        across = np.linspace(-1, 1, side, dtype=np.float32)
        a, strength = rng.uniform(0, math.tau), rng.uniform(0, 0.4)
        made += strength * (across[None, :] * math.cos(a) + across[:, None] * math.sin(a)).astype(np.float32)
    if kind > 0.6:
        coarse = rng.normal(0, 1, (int(rng.integers(4, 40)),) * 2).astype(np.float32)
        made += rng.uniform(0.02, 0.2) * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.12:
        step = int(rng.integers(12, 60))
        made[::step] -= 0.2
        made[:, ::step] -= 0.2
    return np.clip(made, 0, 1).astype(np.float32)


def worn(rng: Rng, mask: Mask) -> Mask:
    """Thicker, thinner, an outline, sprayed, chipped."""
    kind = rng.random()
    if kind < 0.12:
        inner = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=int(rng.integers(2, 4)))
        mask = np.clip(mask - inner, 0, 1)
    elif kind < 0.27:
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 3.5))
        mask = np.clip(mask * 1.4 + (rng.random(mask.shape) < 0.02 * rng.random()), 0, 1).astype(np.float32)
    elif kind < 0.4:
        chips = cv2.resize(
            rng.random((24, 24)).astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_CUBIC
        )
        mask = mask * (chips > rng.uniform(0.05, 0.3))
    return np.asarray(mask, np.float32)


def warped(rng: Rng, mask: Mask, *, scale: float, shift: tuple[float, float], side: int) -> Mask:
    """The mask on a canvas of this side, its radius `scale` pixels, tilted and laid in folds."""
    half = SIDE / 2
    corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half)], np.float32)
    factor = scale / UNIT
    tilt = rng.uniform(-0.16, 0.16, (4, 2)) if rng.random() < 0.7 else np.zeros((4, 2))
    stretch = np.array([rng.uniform(0.85, 1.15), 1.0])
    to = corners * factor * stretch * (1 + tilt) + np.array(shift) + side / 2
    matrix = cv2.getPerspectiveTransform(corners + half, to.astype(np.float32))
    placed = cv2.warpPerspective(mask, matrix, (side, side), flags=cv2.INTER_AREA)
    if rng.random() < 0.3:
        down, across = np.mgrid[0:side, 0:side].astype(np.float32)
        wave = rng.uniform(0.02, 0.09) * scale
        length = rng.uniform(0.8, 3) * scale
        phase = rng.uniform(0, math.tau)
        placed = cv2.remap(
            placed,
            across + wave * np.sin(down / length * math.tau + phase).astype(np.float32),
            down + wave * np.sin(across / length * math.tau).astype(np.float32),
            cv2.INTER_LINEAR,
        )
    return np.asarray(placed, np.float32)


def rendering(
    rng: Rng, mask: Mask, photos: Sequence[Plane], *, side: int, scale: float, shift: tuple[float, float]
) -> Plane:
    """A grey picture, 0 to 1, with the drawing in it."""
    canvas = ground(rng, side, photos)
    placed = warped(rng, worn(rng, mask), scale=scale, shift=shift, side=side)
    if rng.random() < 0.3:
        # On a plate of its own: a disc, a box, a flag.
        plate = np.zeros((SIDE, SIDE), np.float32)
        reach = rng.uniform(1.05, 1.5)
        if rng.random() < 0.6:
            cv2.circle(plate, (SIDE // 2, SIDE // 2), int(reach * UNIT), 1.0, -1, cv2.LINE_AA)
        else:
            edge = int(SIDE / 2 - reach * UNIT * rng.uniform(0.8, 1.0))
            plate[max(edge, 0) : SIDE - max(edge, 0), 4:-4] = 1.0
        under = warped(rng, plate, scale=scale, shift=shift, side=side)
        canvas = canvas * (1 - under) + rng.uniform(0, 1) * under
    around = float(np.median(canvas[placed > 0.3])) if (placed > 0.3).any() else 0.5
    apart = rng.uniform(0.18, 0.9)
    tone = (
        around + apart
        if (around + apart <= 1 and rng.random() < 0.5) or around - apart < 0
        else around - apart
    )
    cover = rng.uniform(0.75, 1.0)
    canvas = canvas * (1 - placed * cover) + np.clip(tone, 0, 1) * placed * cover
    if rng.random() < 0.15:
        extra = warped(
            rng, words(rng), scale=scale * 0.5, shift=(rng.uniform(-side, side) / 2, side * 0.45), side=side
        )
        canvas = canvas * (1 - extra) + rng.uniform(0, 1) * extra
    if rng.random() < 0.25:
        light = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1.2), side, dtype=np.float32)
        canvas = canvas * (light[None, :] if rng.random() < 0.5 else light[:, None])
    return spoiled(rng, np.clip(canvas, 0, 1).astype(np.float32))


def spoiled(rng: Rng, picture: Plane) -> Plane:
    """Blurred, noisy, re-encoded."""
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.5))
    if rng.random() < 0.4:
        picture = picture + rng.normal(0, rng.uniform(0.005, 0.07), picture.shape).astype(np.float32)
    out = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return (out / 255.0).astype(np.float32)
