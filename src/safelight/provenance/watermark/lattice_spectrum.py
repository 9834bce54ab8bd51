"""Finds how a picture was scaled, rotated or stretched: the watermark's tones form a lattice in the spectrum.

The strength of a tone does not depend on the id or on where the tile is, so neither is needed here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

from .pattern import TILE, TONES
from .residual import ResidualSums

#: Maps pixels of the residual to canonical pixels.
Matrix = npt.NDArray[np.float64]

_SIDE = 1024
#: Chunks that are added before the transform. The tile moves within them, but the gain against noise is
#: larger than the loss.
_ADDED_CHUNKS = 4
#: A single strong line of the content must not outweigh many tones.
_MAX_POWER = 12.0
_FREQUENCIES = (TONES / TILE).astype(np.float32)
#: Candidates whose matrices differ by less than this are one.
_SAME = 0.004


@dataclass(frozen=True, kw_only=True)
class GeometryGrid:
    """Canonical pixels for each pixel of the residual, stretch across, rotation in radians."""

    scales: Floats
    stretches: Floats
    rotations: Floats


def _steps(low: float, high: float, step: float) -> Floats:
    return np.arange(low, high + step / 2, step, dtype=np.float32)


#: Searched in this order. Scale goes from a crop of half of each side to a picture inside wide bars.
GRIDS = (
    GeometryGrid(
        scales=np.exp(_steps(np.log(0.42), np.log(2.4), 0.005)),
        stretches=np.ones(1, np.float32),
        rotations=np.deg2rad(_steps(-4, 4, 0.3)),
    ),
    GeometryGrid(
        scales=np.exp(_steps(np.log(0.42), np.log(2.4), 0.005)),
        stretches=np.exp(_steps(-0.3, 0.3, 0.0075)),
        rotations=np.zeros(1, np.float32),
    ),
)


#: Scales without a stretch or rotation, as most copies have. On the grids above, which have many more
#: geometries, chance may give a stronger lattice than a weak mark does.
_LINE = np.exp(_steps(np.log(0.42), np.log(2.4), 0.002))


class LatticeSpectrum:
    """Power of the residuals by frequency, relative to that of neighbouring frequencies.

    The mean of two if there are intra-coded and other frames: one of them may have hardly any mark.
    """

    def __init__(self, sums: ResidualSums) -> None:
        powers = list(_relative_powers(sums))
        self._power = np.asarray(np.mean(powers, axis=0), np.float32)
        self._mean = float(self._power.mean())

    def candidates(self, grid: GeometryGrid, count: int) -> list[Matrix]:
        """The geometries of the grid with the strongest lattice, refined, the best first."""
        found: list[tuple[float, float, float, float]] = []
        for stretch, rotation in itertools.product(grid.stretches, grid.rotations):
            rotate = _rotation(float(rotation))
            across, down = (_FREQUENCIES @ rotate.astype(np.float32)).T
            scores = self._score(np.outer(grid.scales, across) * stretch, np.outer(grid.scales, down))
            found += [
                (float(scores[best]), float(grid.scales[best]), float(stretch), float(rotation))
                for best in np.argsort(scores)[-2:]
            ]
        found.sort(reverse=True)
        refined = [
            self.refine(_rotation(rotation) @ np.diag([scale * stretch, scale]))
            for _score, scale, stretch, rotation in found[: 3 * count]
        ]
        refined.sort(key=lambda pair: -pair[0])
        chosen: list[Matrix] = []
        for _score, matrix in refined:
            if all(np.abs(matrix - other).max() > _SAME for other in chosen):
                chosen.append(matrix)
        return chosen[:count]

    def scale_candidates(self, count: int) -> list[Matrix]:
        """The scales with the strongest lattice, the best first, for a picture that was not turned."""
        scores = self._score(*(np.outer(_LINE, axis) for axis in _FREQUENCIES.T))
        return [np.diag(np.full(2, float(_LINE[best]))) for best in np.argsort(-scores)[:count]]

    def refine(self, matrix: Matrix) -> tuple[float, Matrix]:
        """The matrix nearby with the strongest lattice, and its score."""
        generator = np.random.default_rng(0)
        size = float(np.sqrt(abs(np.linalg.det(matrix))))
        best, score = matrix, -np.inf
        for reach in (0.006, 0.004, 0.0025, 0.0015, 0.0008, 0.0004):
            tried = best + generator.normal(0, reach * size, (160, 2, 2))
            tried[0] = best
            # A tone's frequency in the residual is the transposed matrix times its canonical frequency.
            across, down = np.moveaxis(_FREQUENCIES @ tried, 2, 0).astype(np.float32)
            scores = self._score(across, down)
            number = int(np.argmax(scores))
            best, score = tried[number], float(scores[number])
        return score, best

    def _score(self, across: Floats, down: Floats) -> Floats:
        """How far the mean power of the tones is above the mean of all, in standard errors; one row each."""
        x, y = across * _SIDE + _SIDE / 2, down * _SIDE + _SIDE / 2
        inside = (x > 1) & (x < _SIDE - 2) & (y > 1) & (y < _SIDE - 2)
        power = cv2.remap(self._power, x, y, cv2.INTER_LINEAR)
        count = np.maximum(inside.sum(axis=1), 1)
        score = ((power - self._mean) * inside).sum(axis=1) / np.sqrt(count)
        return np.where(count > 100, score, -np.inf).astype(np.float32)


def _relative_powers(sums: ResidualSums) -> Iterator[Floats]:
    """The spectrum of the intra-coded frames, and that of all others, of those that there are."""
    for is_intra in (True, False):
        pairs = zip(sums.chunks, sums.times, strict=True)
        chunks = [chunk for chunk, time in pairs if time.is_intra is is_intra]
        if chunks:
            yield _relative_power(chunks)


def _relative_power(chunks: list[Floats]) -> Floats:
    height, width = (min(side, _SIDE) for side in chunks[0].shape)
    window = np.sqrt(np.outer(np.hanning(height), np.hanning(width))).astype(np.float32)
    total = np.zeros((_SIDE, _SIDE), np.float32)
    padded = np.zeros((_SIDE, _SIDE), np.float32)
    for first in range(0, len(chunks), _ADDED_CHUNKS):
        added = np.sum(chunks[first : first + _ADDED_CHUNKS], axis=0)
        padded[:height, :width] = added[:height, :width] * window
        spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
        total += spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2
    total = np.fft.fftshift(total)
    total += 1e-9 * float(total.mean()) + 1e-12
    background = cv2.blur(cv2.medianBlur(np.log(total), 5), (25, 25))
    return np.asarray(np.minimum(total / np.exp(background), _MAX_POWER), np.float32)


def _rotation(angle: float) -> Matrix:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
