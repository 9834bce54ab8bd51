"""Hashes of test pictures: colour bars, gradients, stripes, chessboards, circles. Reporting one cannot
hold the videos of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import BYTES, rotations

Pixels = npt.NDArray[np.uint8]
_WIDTH, _HEIGHT = 512, 288
_BARS = ((192, 192, 192), (192, 192, 0), (0, 192, 192), (0, 192, 0), (192, 0, 192), (192, 0, 0), (0, 0, 192))


@cache
def harmless_hashes() -> npt.NDArray[np.uint8]:
    """The hashes, in all rotations and mirror images, as an array (n, 32)."""
    found = [rotations(picture)[0] for picture in _pictures()]
    return np.unique(np.concatenate(found), axis=0).reshape(-1, BYTES)


def _pictures() -> Iterator[Pixels]:
    down, across = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    x, y = across / _WIDTH, down / _HEIGHT
    yield _grey(0 * x)
    yield _colour_bars(0)
    yield _colour_bars(_HEIGHT // 3)
    for gradient in (x, y, (x + y) / 2, np.hypot(x - 0.5, y - 0.5) * 1.4):
        yield _grey(gradient)
        yield _grey(1 - gradient)
    for count in (2, 3, 4, 5, 6, 7, 8, 10, 12, 16):
        stripes = np.floor(x * count) % 2
        yield _grey(stripes)
        yield _grey((stripes + np.floor(y * count)) % 2)
        yield _grey((stripes + np.floor(y * count * _HEIGHT / _WIDTH)) % 2)
    for radius in (0.15, 0.25, 0.35, 0.45):
        circle = np.hypot((x - 0.5) * _WIDTH / _HEIGHT, y - 0.5) < radius
        yield _grey(circle.astype(float))
        yield _grey(1.0 - circle)


def _grey(level: npt.NDArray[np.floating]) -> Pixels:
    return np.repeat((np.clip(level, 0, 1) * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _colour_bars(castellations_px: int) -> Pixels:
    """Seven vertical bars, and in the lowest rows the same bars in the opposite order."""
    order = np.arange(_WIDTH) * len(_BARS) // _WIDTH
    bars = np.array(_BARS, np.uint8)
    picture = np.repeat(bars[order][None], _HEIGHT, axis=0)
    if castellations_px:
        picture[-castellations_px:] = bars[::-1][order]
    return picture
