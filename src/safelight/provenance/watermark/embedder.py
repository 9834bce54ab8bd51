"""Writes the watermark into the luma of frames."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from . import payload
from .masking import allowed_amplitude
from .pattern import SHORT_SIDE, SLOT_S, SLOTS, TILE, WatermarkPattern

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Luma PSNR of a marked clip before encoding, in decibels. The limit is 42.5; frames that were not sampled
#: differ.
TARGET_PSNR = 42.7
#: Highest factor on the perceptual model, however flat the clip is.
MAX_STRENGTH = 2.2


def choose_strength(samples: Iterable[Luma]) -> float:
    """The factor on the perceptual model that gives the target PSNR on sampled frames of a clip."""
    powers = [float(np.mean(np.square(allowed_amplitude(luma)))) for luma in samples]
    if not powers:
        raise ValueError("a clip without frames has no strength")
    allowed_error = 255.0**2 / 10 ** (TARGET_PSNR / 10) - 1 / 12
    return min(math.sqrt(allowed_error / (sum(powers) / len(powers))), MAX_STRENGTH)


class WatermarkEmbedder:
    """Marks the frames of one clip with one id."""

    def __init__(self, pattern: WatermarkPattern, content_id: int, *, strength: float) -> None:
        self._pattern = pattern
        self._codeword = payload.encode(pattern, content_id)
        self._start = pattern.start(content_id)
        self._strength = strength
        self._rendered: tuple[tuple[int, int, int], Floats] | None = None

    def mark(self, luma: Luma, time_s: float) -> Luma:
        """A marked copy of one frame. `time_s` is its time from the start of the clip."""
        height, width = luma.shape
        slot = (self._start[0] + int(time_s / SLOT_S)) % SLOTS
        key = (slot, width, height)
        if self._rendered is None or self._rendered[0] != key:
            self._rendered = (key, self._render(slot, width, height))
        change = cv2.resize(allowed_amplitude(luma), (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(change, self._rendered[1], dst=change)
        return np.asarray(cv2.add(luma, change, dtype=cv2.CV_8U), np.uint8)

    def _render(self, slot: int, width: int, height: int) -> Floats:
        scale = min(width, height) / SHORT_SIDE
        oversampling = math.ceil(scale)
        tile = self._pattern.render_tile(self._codeword, oversampling) * self._strength
        across, down = (self._pattern.shifts[slot] + self._start[1:]) % TILE
        tile = np.roll(tile, (down * oversampling, across * oversampling), (0, 1))
        step = oversampling / scale
        return np.asarray(
            cv2.warpAffine(
                tile,
                np.array([[step, 0, 0], [0, step, 0]]),
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_WRAP,
            )
        )
