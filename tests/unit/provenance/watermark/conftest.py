"""A small moving clip and its marked copy."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from safelight.provenance.watermark.clip_marking import WatermarkEmbedder, choose_strength
from safelight.provenance.watermark.pattern import WatermarkPattern, derive_seed
from safelight.provenance.watermark.residual import ResidualSums

Luma = npt.NDArray[np.uint8]
FPS = 12
CONTENT_ID = 0x0123456789ABCDEF


def make_clip(seconds: int = 3) -> list[Luma]:
    """A smooth picture with texture, under a camera that moves across."""
    rng = np.random.default_rng(5)
    wide = cv2.GaussianBlur(rng.normal(0, 1, (400, 1000)), (0, 0), 30) * 900 + 120
    wide += cv2.GaussianBlur(rng.normal(0, 1, (400, 1000)), (0, 0), 1.5) * 25
    scene = np.clip(wide, 0, 255).astype(np.uint8)
    return [scene[20:380, 5 * n : 5 * n + 640].copy() for n in range(seconds * FPS)]


def mark_clip(frames: list[Luma], pattern: WatermarkPattern, content_id: int = CONTENT_ID) -> list[Luma]:
    factor = choose_strength(pattern, content_id, frames[::6]).factor
    embedder = WatermarkEmbedder(pattern, content_id, factor=factor)
    return [embedder.mark(frame, number / FPS) for number, frame in enumerate(frames)]


def add_up(frames: list[Luma]) -> ResidualSums:
    sums = ResidualSums()
    for number, frame in enumerate(frames):
        sums.add(frame, number / FPS)
    return sums


@pytest.fixture(scope="session")
def pattern() -> WatermarkPattern:
    return WatermarkPattern.from_seed(derive_seed(bytes(range(32)), 1))


@pytest.fixture(scope="session")
def plain() -> list[Luma]:
    return make_clip()


@pytest.fixture(scope="session")
def marked(plain: list[Luma], pattern: WatermarkPattern) -> list[Luma]:
    return mark_clip(plain, pattern)
