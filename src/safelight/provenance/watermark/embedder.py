"""Writes the watermark into the luma of frames."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from . import payload
from .masking import allowed_amplitude
from .pattern import FADE_S, SHORT_SIDE, SLOT_S, SLOTS, TILE, WatermarkPattern
from .visibility import MOST_BLOCKS, as_seen, visible_change

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Luma PSNR of a marked clip before encoding, in decibels. The limit is 42.5; frames that were not sampled
#: differ.
TARGET_PSNR = 42.7
#: The visibility is measured on every n-th sampled frame.
_SEEN_OF_SAMPLED = 6
#: Constant rate factor of H.264 for marked files: no visible loss.
CRF = 18
#: Strength of x264's adaptive quantization for marked files. Its default, 1, spends many bits on the mark in
#: flat areas. With this, files are 9 to 30 % smaller, and no farther from the original.
AQ_STRENGTH = 0.5


@dataclass(frozen=True, kw_only=True)
class StrengthLimits:
    """How strong a mark may be, besides the limit on the PSNR."""

    #: In multiples of what is just visible, for the most visible blocks.
    visibility: float
    #: The factor on the perceptual model. It limits the grain of smooth clips, where all blocks look alike.
    factor: float


FIRST_LIMITS = StrengthLimits(visibility=18.0, factor=2.4)
#: For a second try if the mark was not read back.
RETRY_LIMITS = StrengthLimits(visibility=27.0, factor=3.6)


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How strongly a clip is marked."""

    #: The factor on the perceptual model.
    factor: float
    #: Whether the PSNR limits the factor. Then higher `StrengthLimits` would change nothing.
    is_limited_by_psnr: bool


def choose_strength(
    samples: Iterable[Luma], *, limits: StrengthLimits = FIRST_LIMITS, black: int = 0
) -> Strength:
    """The strength that gives the target PSNR on sampled frames of a clip, or a lower one.

    It is lower where `limits` ask for it. `black` is the luma of black.
    """
    # The visibility hardly depends on the pattern, so any one will do.
    any_mark = WatermarkEmbedder(WatermarkPattern.from_seed(bytes(32)), 0, factor=1.0, black=black)
    powers: list[float] = []
    visible: list[Floats] = []
    for number, luma in enumerate(samples):
        powers.append(float(np.mean(np.square(allowed_amplitude(luma, black)))))
        if number % _SEEN_OF_SAMPLED == 0:
            seen = as_seen(luma)
            visible.append(visible_change(seen.astype(np.float32), any_mark.change(seen, 0.0)))
    if not powers:
        raise ValueError("a clip without frames has no strength")
    visibility = float(np.percentile(np.concatenate(visible), MOST_BLOCKS))
    most = limits.factor if visibility == 0 else min(limits.factor, limits.visibility / visibility)
    allowed_power = 255.0**2 / 10 ** (TARGET_PSNR / 10) - 1 / 12
    power = sum(powers) / len(powers)
    if most**2 * power < allowed_power:
        return Strength(factor=most, is_limited_by_psnr=False)
    return Strength(factor=math.sqrt(allowed_power / power), is_limited_by_psnr=True)


class WatermarkEmbedder:
    """Marks the frames of one clip with one id."""

    def __init__(self, pattern: WatermarkPattern, content_id: int, *, factor: float, black: int = 0) -> None:
        self._pattern = pattern
        self._codeword = payload.encode(pattern, content_id)
        self._start = pattern.start(content_id)
        self._factor = factor
        self._black = black
        #: The last two slots of one size.
        self._rendered: dict[tuple[int, int, int], Floats] = {}

    def mark(self, luma: Luma, time_s: float) -> Luma:
        """A marked copy of one frame. `time_s` is its time from the start of the clip."""
        return np.asarray(cv2.add(luma, self.change(luma, time_s), dtype=cv2.CV_8U), np.uint8)

    def change(self, luma: Luma, time_s: float) -> Floats:
        """What the mark adds to each pixel of a frame."""
        height, width = luma.shape
        change = cv2.resize(
            allowed_amplitude(luma, self._black), (width, height), interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(cv2.multiply(change, self._pattern_at(time_s, width, height), dst=change))

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
        tile = self._pattern.render_tile(self._codeword, oversampling) * self._factor
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
