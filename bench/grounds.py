"""Grounds to paint on: photographs from a folder, and drawn ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

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


def ground(rng: np.random.Generator, side: int, photos: Sequence[Plane]) -> Plane:
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
