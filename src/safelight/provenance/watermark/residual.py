"""What is left of frames when their content is removed as far as possible: mostly noise and the watermark."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from .pattern import SHORT_SIDE

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Frames of this duration are added to one sum.
CHUNK_S = 1.0
#: Two weightings of each residual, because no single one is best for all clips: with the first, all areas
#: count the same; with the second, areas count less the more detail they have.
WEIGHTINGS = range(2)
#: Longest part of a clip that is read; a mark repeats after it.
MAX_CHUNKS = 12
_FRAMES_PER_CHUNK = 12


@dataclass(kw_only=True)
class ResidualSums:
    """Sums of residuals by time. Add frames in the order of their time until `is_full`."""

    #: Each an array of weightings, rows and columns.
    chunks: list[Floats] = field(default_factory=list)
    #: Number of each chunk in time: a chunk without frames is left out.
    numbers: list[int] = field(default_factory=list)
    _next_s: float = 0.0

    @property
    def is_full(self) -> bool:
        return len(self.chunks) == MAX_CHUNKS and self._next_s >= (self.numbers[-1] + 1) * CHUNK_S

    def wants(self, time_s: float) -> bool:
        """Whether a frame at this time would be used."""
        return time_s >= self._next_s - 1e-6 and not self.is_full

    def of(self, weighting: int) -> list[Floats]:
        """The sums with one weighting."""
        return [chunk[weighting] for chunk in self.chunks]

    def add(self, luma: Luma, time_s: float) -> None:
        """Add one frame. `time_s` is its time from the first frame. A frame of another size is left out."""
        if not self.wants(time_s):
            return
        self._next_s = max(self._next_s, time_s) + CHUNK_S / _FRAMES_PER_CHUNK * 0.999
        found = compute_residual(luma)
        if self.chunks and self.chunks[0].shape != found.shape:
            return
        number = int(time_s / CHUNK_S)
        if self.numbers and (self.numbers[-1] == number or len(self.chunks) == MAX_CHUNKS):
            self.chunks[-1] += found
        else:
            self.chunks.append(found)
            self.numbers.append(number)


def compute_residual(luma: Luma) -> Floats:
    """High frequencies divided by their local strength, at a shorter side of at most `SHORT_SIDE`.

    An array of weightings, rows and columns.
    """
    height, width = luma.shape
    factor = SHORT_SIDE / min(height, width)
    if factor < 1:
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    high = luma.astype(np.float32)
    high -= cv2.GaussianBlur(high, (0, 0), 3.0)
    spread = np.sqrt(np.maximum(cv2.blur(high * high, (15, 15)), 0)) + 1.5
    even = np.clip(high / spread, -2, 2)
    return np.asarray(np.stack([even, even / np.sqrt(spread)]), np.float32)
