"""Finds where the tile is in a residual of known geometry, and reads the tones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

from .lattice_spectrum import Matrix
from .pattern import RADII, SLOT_S, SLOTS, TILE, TONES, WatermarkPattern
from .residual import CHUNK_S, ChunkTime

Complex = npt.NDArray[np.complex64]

#: Tones of similar frequency, whose reliability is estimated together.
_BAND_LIMITS = (9, 12, 15, 18)
_BANDS = tuple(np.digitize(RADII, _BAND_LIMITS) == number for number in range(len(_BAND_LIMITS) + 1))
_CHUNKS_PER_SLOT = round(SLOT_S / CHUNK_S)
_STARTS = _CHUNKS_PER_SLOT * SLOTS
#: Avoids a division by zero for black pictures.
_TINY = 1e-9
#: Weight of a chunk of predicted frames, beside one of intra-coded frames. Both are tried: the mark may be in
#: all frames, or nearly only in the intra-coded ones.
_PREDICTED_WEIGHTS = (1.0, 0.3)
#: Least weight of a chunk in soft bits. The others are multiples of the standard deviation by chance.
_MIN_WEIGHT = 0.3


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A place of the tile that the tones for synchronisation name."""

    sigmas: float
    #: Across and down, in canonical pixels.
    place: tuple[int, int]
    #: Place in the sequence of slots at the first chunk.
    start: int = 0


@dataclass(frozen=True, kw_only=True)
class Synchronisation:
    """The best place of the tile."""

    #: Height of the best peak in standard deviations of all places. Chance gives at most about 5.5.
    sigmas: float
    #: Log-likelihood ratios of the bits of the codeword.
    llr: Floats
    #: Where the peak is, and the weight of predicted chunks with which it is the highest.
    peak: Peak
    predicted_weight: float


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
        across, down = TONES[pattern.sync].T
        self._sync_rotors = self._slot_rotors[:, pattern.sync]
        #: Half of a spectrum, so a tone stands for itself and for its complex conjugate.
        self._half_plane = (across, down)
        self._half_weights = np.where(down > 0, 0.5, 1.0).astype(np.float32)
        self._is_sync = np.isin(np.arange(len(TONES)), pattern.sync)

    def synchronise(self, tiles: Floats, times: Sequence[ChunkTime]) -> Synchronisation:
        """Try every place of the tile and every place in the sequence of slots."""
        # In one chunk, a place in the sequence is the same as a place of the tile.
        starts = range(_STARTS if len({one.number for one in times}) > 1 else 1)
        return self._synchronise(tiles, times, starts, _weights_of(times))

    def synchronise_near(
        self, tiles: Floats, times: Sequence[ChunkTime], found: Synchronisation
    ) -> Synchronisation:
        """Try every place of the tile, in the sequence and with the weight that were found before."""
        return self._synchronise(tiles, times, [found.peak.start], [found.predicted_weight])

    def _synchronise(
        self, tiles: Floats, times: Sequence[ChunkTime], starts: Sequence[int], weights: Sequence[float]
    ) -> Synchronisation:
        tones = self._tones(tiles)
        peaks = [
            (peak, weight)
            for weight in weights
            for peak in self._peaks(self._places(tones, times, starts, weight), starts)
        ]
        best, weight = max(peaks, key=lambda pair: pair[0].sigmas)
        return Synchronisation(
            sigmas=best.sigmas,
            llr=self._soft_bits(tones, times, best),
            peak=best,
            predicted_weight=weight,
        )

    def peaks_near(
        self, tiles: Floats, times: Sequence[ChunkTime], place: tuple[int, int], reach: int
    ) -> list[Peak]:
        """The highest peak at most `reach` pixels from a place, for each place in the sequence of slots; the
        highest first.
        """
        window = np.zeros((TILE, TILE), bool)
        near = np.arange(-reach, reach + 1)
        window[np.ix_((place[1] + near) % TILE, (place[0] + near) % TILE)] = True
        tones, starts = self._tones(tiles), range(_STARTS)
        peaks = [
            peak
            for weight in _weights_of(times)
            for peak in self._peaks(
                np.where(window, self._places(tones, times, starts, weight), -np.inf), starts
            )
        ]
        peaks.sort(key=lambda peak: peak.sigmas)
        highest = {(peak.place, peak.start): peak for peak in peaks}
        return sorted(highest.values(), key=lambda peak: -peak.sigmas)

    def soft_bits(self, tiles: Floats, times: Sequence[ChunkTime], peak: Peak) -> Floats:
        """Log-likelihood ratios of the bits of the codeword, at one place of the tile."""
        return self._soft_bits(self._tones(tiles), times, peak)

    def _tones(self, tiles: Floats) -> Complex:
        spectra = np.fft.rfft2(tiles, axes=(2, 1))
        return np.asarray(spectra[:, TONES[:, 1], TONES[:, 0]].astype(np.complex64) * self._rotors)

    def _aligned(self, tones: Complex, times: Sequence[ChunkTime], start: int) -> Complex:
        """The chunks after the moves of the tile were undone."""
        slots = (np.array([one.number for one in times]) + start) // _CHUNKS_PER_SLOT % SLOTS
        return np.asarray(tones * self._slot_rotors[slots])

    def _places(
        self, tones: Complex, times: Sequence[ChunkTime], starts: Sequence[int], predicted_weight: float
    ) -> Floats:
        """How well each place fits, in standard deviations of all: an array of starts, rows and columns."""
        limited = _limit(tones)[:, self._pattern.sync] * self._half_weights
        limited *= np.array([1.0 if one.is_intra else predicted_weight for one in times], np.float32)[:, None]
        numbers = np.array([one.number for one in times])
        slots = (numbers + np.array(starts)[:, None]) // _CHUNKS_PER_SLOT % SLOTS
        spectra = np.zeros((len(starts), TILE, TILE // 2 + 1), np.complex64)
        spectra[:, self._half_plane[0], self._half_plane[1]] = np.einsum(
            "ct,sct->st", limited, self._sync_rotors[slots]
        )
        places = np.fft.irfft2(spectra, (TILE, TILE)).transpose(0, 2, 1)
        return np.asarray(places / (places.std(axis=(1, 2), keepdims=True) + _TINY))

    @staticmethod
    def _peaks(places: Floats, starts: Sequence[int]) -> Iterator[Peak]:
        """The highest place of each start."""
        for one, start in zip(places, starts, strict=True):
            down, across = np.unravel_index(int(np.argmax(one)), one.shape)
            yield Peak(sigmas=float(one[down, across]), place=(int(across), int(down)), start=start)

    def _soft_bits(self, tones: Complex, times: Sequence[ChunkTime], peak: Peak) -> Floats:
        turned = np.exp(2j * np.pi / TILE * (TONES @ np.array(peak.place)))
        weights = self._weights(self._aligned(_limit(tones), times, peak.start) * turned)
        aligned = self._aligned(tones / _median(np.abs(tones)), times, peak.start) * turned
        return self._llr(weights @ aligned)

    def _weights(self, aligned: Complex) -> Floats:
        """How well each chunk fits the tones for synchronisation, in standard deviations by chance.

        Payload tones are not used, so the weights know nothing of their bits.
        """
        fits = aligned[:, self._pattern.sync].real
        deviation = fits.std(axis=1) / np.sqrt(fits.shape[1])
        return np.asarray(np.maximum(fits.mean(axis=1) / (deviation + _TINY), _MIN_WEIGHT), np.float32)

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


def _weights_of(times: Sequence[ChunkTime]) -> Sequence[float]:
    """The weights of predicted chunks that are tried; one if there are no others."""
    return _PREDICTED_WEIGHTS if len({one.is_intra for one in times}) == 2 else _PREDICTED_WEIGHTS[:1]


def _limit(tones: Complex) -> Complex:
    """Tones of which a strong one counts little more than a usual one."""
    strength = np.abs(tones)
    return np.asarray(tones / (strength + _median(strength)))


def _median(strength: Floats) -> Floats:
    return np.asarray(np.median(strength, axis=1, keepdims=True) + _TINY)
