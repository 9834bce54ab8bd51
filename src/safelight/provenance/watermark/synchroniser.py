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
class Peak:
    """A place of the tile that the tones for synchronisation name."""

    sigmas: float
    #: Across and down, in canonical pixels.
    place: tuple[int, int]
    #: Place in the sequence of slots at the first chunk.
    start: int = 0


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
        tones = self._tones(tiles)
        limited = _limit(tones)
        starts = range(_STARTS if len(numbers) > 1 else 1)
        peaks = [self._highest(self._places(limited, numbers, start), start) for start in starts]
        best = max(peaks, key=lambda peak: peak.sigmas)
        return Synchronisation(sigmas=best.sigmas, llr=self._soft_bits(tones, numbers, best))

    def peaks_near(
        self, tiles: Floats, numbers: Sequence[int], place: tuple[int, int], reach: int
    ) -> list[Peak]:
        """The highest peak at most `reach` pixels from a place, for each place in the sequence of slots; the
        highest first.
        """
        limited = _limit(self._tones(tiles))
        window = np.zeros((TILE, TILE), bool)
        near = np.arange(-reach, reach + 1)
        window[np.ix_((place[1] + near) % TILE, (place[0] + near) % TILE)] = True
        peaks = [
            self._highest(np.where(window, self._places(limited, numbers, start), -np.inf), start)
            for start in range(_STARTS)
        ]
        return sorted(peaks, key=lambda peak: -peak.sigmas)

    def soft_bits(self, tiles: Floats, numbers: Sequence[int], peak: Peak) -> Floats:
        """Log-likelihood ratios of the bits of the codeword, at one place of the tile."""
        return self._soft_bits(self._tones(tiles), numbers, peak)

    def _tones(self, tiles: Floats) -> Complex:
        spectra = np.fft.fft2(tiles)
        return np.asarray(spectra[:, TONES[:, 1], TONES[:, 0]].astype(np.complex64) * self._rotors)

    def _aligned(self, tones: Complex, numbers: Sequence[int], start: int) -> Complex:
        """The sum of all chunks, after the moves of the tile were undone."""
        slots = (np.array(numbers) + start) // _CHUNKS_PER_SLOT % SLOTS
        return np.asarray((tones * self._slot_rotors[slots]).sum(axis=0))

    def _places(self, limited: Complex, numbers: Sequence[int], start: int) -> Floats:
        """How well each place fits, in standard deviations of all places; rows and columns."""
        sync = self._pattern.sync
        grid = np.zeros((TILE, TILE), np.complex64)
        grid[TONES[sync, 1], TONES[sync, 0]] = self._aligned(limited, numbers, start)[sync]
        places = np.fft.ifft2(grid).real
        return np.asarray(places / (places.std() + _TINY))

    @staticmethod
    def _highest(places: Floats, start: int) -> Peak:
        down, across = np.unravel_index(int(np.argmax(places)), places.shape)
        return Peak(sigmas=float(places[down, across]), place=(int(across), int(down)), start=start)

    def _soft_bits(self, tones: Complex, numbers: Sequence[int], peak: Peak) -> Floats:
        aligned = self._aligned(tones / _median(np.abs(tones)), numbers, peak.start)
        return self._llr(aligned * np.exp(2j * np.pi / TILE * (TONES @ np.array(peak.place))))

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


def _limit(tones: Complex) -> Complex:
    """Tones of which a strong one counts little more than a usual one."""
    strength = np.abs(tones)
    return np.asarray(tones / (strength + _median(strength)))


def _median(strength: Floats) -> Floats:
    return np.asarray(np.median(strength, axis=1, keepdims=True) + _TINY)
