"""What is left of frames when their content is removed as far as possible: mostly noise and the watermark."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

from .masking import allowed_amplitude
from .pattern import SHORT_SIDE

Luma = npt.NDArray[np.uint8]

#: Frames of this duration are added to one sum.
CHUNK_S = 1.0
#: Longest part of a clip that is read, in chunks; a mark repeats after it.
MAX_CHUNKS = 12
_FRAMES_PER_CHUNK = 12
#: Of the Gaussian whose result is taken for the content, in pixels.
_CONTENT_SIGMA_PX = 2.0
#: Added to the local strength of a residual, in levels of luma: noise of rounding and encoders.
_NOISE = 1.5
#: A residual counts at most as much as this many times the local strength: an edge is content.
_MOST = 2.0


@dataclass(frozen=True, kw_only=True)
class ChunkTime:
    """Which frames a sum has."""

    #: Of the chunk in time. Chunks without frames are left out.
    number: int
    #: Whether they are intra-coded frames. At low quality, an encoder keeps the mark in these and loses it in
    #: the frames that it predicts, so they are added up by themselves.
    is_intra: bool = False


@dataclass(kw_only=True)
class ResidualSums:
    """Sums of residuals by time. Add frames in the order of their time until `is_full`."""

    chunks: list[Floats] = field(default_factory=list)
    #: One for each sum.
    times: list[ChunkTime] = field(default_factory=list)
    #: From when on the next frame is used, if it is intra-coded and if not.
    _next_s: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})

    @property
    def is_full(self) -> bool:
        return self._has_all_numbers and max(self._next_s.values()) >= (self.times[-1].number + 1) * CHUNK_S

    @property
    def _has_all_numbers(self) -> bool:
        return len({one.number for one in self.times}) == MAX_CHUNKS

    def wants(self, time_s: float, *, is_intra: bool = False) -> bool:
        """Whether a frame at this time would be used."""
        return time_s >= self._next_s[is_intra] - 1e-6 and not self.is_full

    def add(self, luma: Luma, time_s: float, *, is_intra: bool = False) -> None:
        """Add one frame. `time_s` is its time from the first frame. A frame of another size is left out."""
        if not self.wants(time_s, is_intra=is_intra):
            return
        self._next_s[is_intra] = max(self._next_s[is_intra], time_s) + CHUNK_S / _FRAMES_PER_CHUNK * 0.999
        found = compute_residual(luma)
        if self.chunks and self.chunks[0].shape != found.shape:
            return
        number = self.times[-1].number if self._has_all_numbers else int(time_s / CHUNK_S)
        time = ChunkTime(number=number, is_intra=is_intra)
        if time in self.times:
            self.chunks[self.times.index(time)] += found
        else:
            self.chunks.append(found)
            self.times.append(time)


def compute_residual(luma: Luma) -> Floats:
    """High frequencies at a shorter side of at most `SHORT_SIDE`.

    Each pixel has the weight that reads a mark best: the amplitude that the mark may have there, divided by
    the local power of the content.
    """
    height, width = luma.shape
    factor = SHORT_SIDE / min(height, width)
    if factor < 1:
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    high = luma.astype(np.float32)
    high -= cv2.GaussianBlur(high, (0, 0), _CONTENT_SIGMA_PX)
    strength = np.sqrt(np.maximum(cv2.blur(high * high, (15, 15)), 0)) + _NOISE
    amplitude = cv2.resize(allowed_amplitude(luma), luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(high / strength, -_MOST, _MOST) * amplitude / strength, np.float32)
