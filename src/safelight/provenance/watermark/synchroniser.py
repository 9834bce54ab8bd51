"""Finds where the tile is in a residual of known geometry, and reads the tones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .lattice_spectrum import Matrix
from .pattern import RADII, SLOT_S, SLOTS, TILE, TONES, WatermarkPattern
from .residual import CHUNK_S

Floats = npt.NDArray[np.float32]
Complex = npt.NDArray[np.complex64]

#: Tones of similar frequency, whose reliability is estimated together.
_BAND_LIMITS = (9, 12, 15, 18)
_BANDS = tuple(np.digitize(RADII, _BAND_LIMITS) == number for number in range(len(_BAND_LIMITS) + 1))
_CHUNKS_PER_SLOT = round(SLOT_S / CHUNK_S)
_STARTS = _CHUNKS_PER_SLOT * SLOTS
#: Avoids a division by zero for black pictures.
_TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Synchronisation:
    """The best place of the tile."""

    #: Height of the best peak in standard deviations of all places. Chance gives at most about 5.5.
    sigmas: float
    #: Log-likelihood ratios of the bits of the codeword.
    llr: Floats


@dataclass(frozen=True, kw_only=True)
class _Peak:
    sigmas: float
    #: Across and down, in canonical pixels.
    place: tuple[int, int]


def fold(chunks: Sequence[Floats], matrix: Matrix) -> Floats:
    """Sum all tiles of each chunk: an array of chunks, rows and columns."""
    height, width = chunks[0].shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    across, down = (int(np.ceil(extent / TILE)) * TILE for extent in high - low)
    to_canonical = np.column_stack([matrix, -low])
    return np.stack(
        [
            cv2.warpAffine(chunk, to_canonical, (across, down))
            .reshape(down // TILE, TILE, across // TILE, TILE)
            .sum(axis=(0, 2))
            for chunk in chunks
        ]
    )


class Synchroniser:
    """Synchronises folded tiles with one pattern."""

    def __init__(self, pattern: WatermarkPattern) -> None:
        self._pattern = pattern
        self._rotors = np.exp(-1j * pattern.phases).astype(np.complex64)
        self._slot_rotors = np.exp(2j * np.pi / TILE * (pattern.shifts @ TONES.T)).astype(np.complex64)
        self._is_sync = np.isin(np.arange(len(TONES)), pattern.sync)

    def synchronise(self, tiles: Floats, numbers: Sequence[int]) -> Synchronisation:
        """Try every place of the tile and every place in the sequence of slots."""
        spectra = np.fft.fft2(tiles)
        tones = spectra[:, TONES[:, 1], TONES[:, 0]].astype(np.complex64) * self._rotors
        strength = np.abs(tones)
        median = np.median(strength, axis=1, keepdims=True) + _TINY
        limited = tones / (strength + median)
        time = np.array(numbers)
        starts = range(_STARTS if len(numbers) > 1 else 1)
        slots = [(time + start) // _CHUNKS_PER_SLOT % SLOTS for start in starts]
        peaks = [self._peak((limited * self._slot_rotors[one]).sum(axis=0)) for one in slots]
        best = max(starts, key=lambda start: peaks[start].sigmas)
        aligned = (tones / median * self._slot_rotors[slots[best]]).sum(axis=0)
        placed = aligned * np.exp(2j * np.pi / TILE * (TONES @ np.array(peaks[best].place)))
        return Synchronisation(sigmas=peaks[best].sigmas, llr=self._llr(placed))

    def _peak(self, tones: Complex) -> _Peak:
        grid = np.zeros((TILE, TILE), np.complex64)
        sync = self._pattern.sync
        grid[TONES[sync, 1], TONES[sync, 0]] = tones[sync]
        places = np.fft.ifft2(grid).real
        down, across = np.unravel_index(int(np.argmax(places)), places.shape)
        return _Peak(
            sigmas=float(places[down, across] / (places.std() + _TINY)), place=(int(across), int(down))
        )

    def _llr(self, tones: npt.NDArray[np.complex128]) -> Floats:
        """Soft bits. A tone counts at most as much as the median tone of its band: an outlier is content."""
        soft = np.zeros(len(TONES))
        for band in _BANDS:
            strength = np.abs(tones[band])
            median = np.median(strength) + _TINY
            capped = tones[band].real / np.maximum(strength, median)
            known = capped[self._is_sync[band]]
            soft[band] = capped * (2 * max(known.mean(), 0.02) / max(known.var(), 0.05))
        return np.asarray(soft[self._pattern.payload], np.float32)
