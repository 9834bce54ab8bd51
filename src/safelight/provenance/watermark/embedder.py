"""Writes the watermark into the luma of frames."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from . import payload
from .masking import allowed_amplitude
from .pattern import FADE_S, SHORT_SIDE, SLOT_S, SLOTS, TILE, WatermarkPattern

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Luma PSNR of a marked clip before encoding, in decibels. The limit is 42.5; frames that were not sampled
#: differ.
TARGET_PSNR = 42.7
#: Highest factor on the perceptual model, and that of a second try if the mark was not read back.
MAX_STRENGTH, RETRY_STRENGTH = 1.8, 2.7
#: Constant rate factor of H.264 for marked files: no visible loss.
CRF = 18
#: Strength of x264's adaptive quantization for marked files. Its default, 1, spends many bits on the mark in
#: flat areas. With this, files are 9 to 30 % smaller, and no farther from the original.
AQ_STRENGTH = 0.5


def choose_strength(samples: Iterable[Luma], *, most: float = MAX_STRENGTH, black: int = 0) -> float:
    """The factor on the perceptual model that gives the target PSNR on sampled frames of a clip.

    It is at most `most`, however flat the clip is. `black` is the luma of black.
    """
    powers = [float(np.mean(np.square(allowed_amplitude(luma, black)))) for luma in samples]
    if not powers:
        raise ValueError("a clip without frames has no strength")
    if not any(powers):
        return most
    allowed_error = 255.0**2 / 10 ** (TARGET_PSNR / 10) - 1 / 12
    return min(math.sqrt(allowed_error / (sum(powers) / len(powers))), most)


class WatermarkEmbedder:
    """Marks the frames of one clip with one id."""

    def __init__(
        self, pattern: WatermarkPattern, content_id: int, *, strength: float, black: int = 0
    ) -> None:
        self._pattern = pattern
        self._codeword = payload.encode(pattern, content_id)
        self._start = pattern.start(content_id)
        self._strength = strength
        self._black = black
        #: The last two slots of one size.
        self._rendered: dict[tuple[int, int, int], Floats] = {}

    def mark(self, luma: Luma, time_s: float) -> Luma:
        """A marked copy of one frame. `time_s` is its time from the start of the clip."""
        height, width = luma.shape
        change = cv2.resize(
            allowed_amplitude(luma, self._black), (width, height), interpolation=cv2.INTER_LINEAR
        )
        cv2.multiply(change, self._pattern_at(time_s, width, height), dst=change)
        return np.asarray(cv2.add(luma, change, dtype=cv2.CV_8U), np.uint8)

    def _pattern_at(self, time_s: float, width: int, height: int) -> Floats:
        number, within = divmod(time_s, SLOT_S)
        slot = (self._start[0] + int(number)) % SLOTS
        current = self._rendered_slot(slot, width, height)
        moved = (within - (SLOT_S - FADE_S)) / FADE_S
        if moved <= 0:
            return current
        following = self._rendered_slot((slot + 1) % SLOTS, width, height)
        # The two places are not correlated: these factors keep the power.
        angle = moved * math.pi / 2
        return np.asarray(cv2.addWeighted(current, math.cos(angle), following, math.sin(angle), 0))

    def _rendered_slot(self, slot: int, width: int, height: int) -> Floats:
        key = (slot, width, height)
        if key not in self._rendered:
            if len(self._rendered) == 2:
                del self._rendered[next(iter(self._rendered))]
            self._rendered[key] = self._render(slot, width, height)
        return self._rendered[key]

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
