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
from .visibility import at_viewing_size, overall_visibility, visible_change

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Luma PSNR of a marked clip before encoding, in decibels. The limit is 42.5; frames that were not sampled
#: differ.
TARGET_PSNR = 42.7
#: The visibility is measured on every n-th sampled frame, because it takes three times as long as the PSNR.
_VISIBILITY_STEP = 3
#: A second try must be at least this much stronger than the first.
_MIN_GAIN = 1.1
#: Levels of luma from black to white in video range, and in full range.
_VIDEO_LEVELS, _FULL_LEVELS = 219.0, 255.0
#: Constant rate factor of H.264 for marked files: no visible loss.
CRF = 18
#: Strength of x264's adaptive quantization for marked files. Its default, 1, spends many bits on the mark in
#: flat areas. With this, files are 9 to 30 % smaller, and no farther from the original.
AQ_STRENGTH = 0.5


@dataclass(frozen=True, kw_only=True)
class StrengthLimits:
    """How strong a mark may be, besides the limit on the PSNR."""

    #: As `overall_visibility` gives it.
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
    #: Whether higher `StrengthLimits` would give a clearly stronger mark. The PSNR may be the real limit.
    can_be_stronger: bool


def choose_strength(
    pattern: WatermarkPattern,
    content_id: int,
    samples: Iterable[Luma],
    *,
    limits: StrengthLimits = FIRST_LIMITS,
    black: int = 0,
) -> Strength:
    """The highest factor within `limits` that keeps the target PSNR on sampled frames of a clip.

    `black` is the luma of black.
    """
    mark = WatermarkEmbedder(pattern, content_id, factor=1.0, black=black)
    powers: list[float] = []
    block_visibilities: list[Floats] = []
    for number, luma in enumerate(samples):
        powers.append(float(np.mean(np.square(allowed_amplitude(luma, black)))))
        if number % _VISIBILITY_STEP == 0:
            # Each sample in another place of the tile, as over a long clip.
            block_visibilities.append(_visibility(mark, luma, number * SLOT_S))
    if not powers:
        raise ValueError("a clip without frames has no strength")
    visibility, power = overall_visibility(block_visibilities), sum(powers) / len(powers)
    highest = min(limits.factor, limits.visibility / visibility) if visibility else limits.factor
    if not power:
        return Strength(factor=highest, can_be_stronger=False)
    # Rounding to whole levels adds an error of 1/12.
    allowed_power = 255.0**2 / 10 ** (TARGET_PSNR / 10) - 1 / 12
    by_psnr = math.sqrt(allowed_power / power)
    factor = min(highest, by_psnr)
    return Strength(factor=factor, can_be_stronger=by_psnr >= _MIN_GAIN * factor)


def _visibility(mark: WatermarkEmbedder, luma: Luma, time_s: float) -> Floats:
    """The visibility of the mark in each block of a frame, as it is shown."""
    small = at_viewing_size(luma)
    change = mark.change(small, time_s)
    if mark.black == 0:
        return visible_change(small.astype(np.float32), change)
    scale = _FULL_LEVELS / _VIDEO_LEVELS
    shown = np.clip((small.astype(np.float32) - mark.black) * scale, 0, _FULL_LEVELS)
    return visible_change(shown, change * scale)


class WatermarkEmbedder:
    """Marks the frames of one clip with one id."""

    def __init__(self, pattern: WatermarkPattern, content_id: int, *, factor: float, black: int = 0) -> None:
        self._pattern = pattern
        self._codeword = payload.encode(pattern, content_id)
        self._start = pattern.start(content_id)
        self._factor = factor
        self.black = black
        #: The last two slots of one size.
        self._rendered: dict[tuple[int, int, int], Floats] = {}

    def mark(self, luma: Luma, time_s: float) -> Luma:
        """A marked copy of one frame. `time_s` is its time from the start of the clip."""
        return np.asarray(cv2.add(luma, self.change(luma, time_s), dtype=cv2.CV_8U), np.uint8)

    def change(self, luma: Luma, time_s: float) -> Floats:
        """What the mark adds to each pixel of a frame."""
        height, width = luma.shape
        change = cv2.resize(
            allowed_amplitude(luma, self.black), (width, height), interpolation=cv2.INTER_LINEAR
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
