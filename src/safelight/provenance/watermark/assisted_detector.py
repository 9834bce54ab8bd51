"""Reads the mark of a known id from a picture whose place in the marked one is known. Pure.

The blind detector has to decode 96 bits; this one only decides whether one codeword is there. A mark of a
quarter of the power is enough. docs/benchmarks/provenance.md has the arithmetic of false accepts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

from . import payload
from .pattern import TILE, WatermarkPattern
from .residual import ResidualSums
from .synchroniser import Peak, Synchroniser

Perspective = npt.NDArray[np.float64]

#: A mark is accepted from this correlation on. The highest possible one is 22.6, the root of 512 tones.
MIN_CORRELATION = 6.5
#: Where codewords are looked for: canonical pixels from the expected place, and how many places. In a picture
#: that moves, the registered frame is of a slightly other time; the last reach is the whole tile.
_REACHES = ((3, 3), (12, 3), (TILE // 2, 2))
#: Places for one picture.
PLACES = sum(count for _reach, count in _REACHES)
#: Steps of the refinement of a geometry, as shares of the picture, and how many of each are tried.
_REFINEMENTS, _TRIES = (0.002, 0.001), 6


@dataclass(frozen=True, kw_only=True)
class RegisteredGeometry:
    """Where a residual is in the picture that was marked."""

    #: From pixels of the residual, after it was mirrored, to canonical pixels.
    perspective: Perspective
    #: Of the marked picture, in canonical pixels.
    width: int
    height: int
    mirrored: bool = False


class AssistedDetector:
    """Looks for known ids in marks of one pattern."""

    def __init__(self, pattern: WatermarkPattern) -> None:
        self._pattern = pattern
        self._synchroniser = Synchroniser(pattern)

    def correlation(self, sums: ResidualSums, geometry: RegisteredGeometry, content_id: int) -> float:
        """How well the tones fit the codeword of this id, in standard deviations of chance.

        Geometry and place are chosen by the tones for synchronisation alone, so the result of a picture
        without this mark is that of at most `PLACES` random trials.
        """
        _slot, *start = self._pattern.start(content_id)
        if not any(one.any() for one in sums.chunks):
            return 0.0
        view = replace(sums, chunks=[_oriented(one, geometry.mirrored) for one in sums.chunks])
        return correlate(self._pattern, content_id, self._soft_bits(view, geometry, (start[0], start[1])))

    def _soft_bits(
        self, view: ResidualSums, geometry: RegisteredGeometry, place: tuple[int, int]
    ) -> Iterator[Floats]:
        """Soft bits at the most likely places: near the expected one, and anywhere if the picture moves."""
        for reach, count in _REACHES:
            tiles = _fold(view.chunks, geometry.perspective, geometry)
            peaks = self._synchroniser.peaks_near(tiles, view.times, place, reach)
            if reach < TILE // 2:
                tiles, peaks = self._refined(view, geometry, (place, reach), (tiles, peaks))
            for peak in peaks[:count]:
                yield self._synchroniser.soft_bits(tiles, view.times, peak)

    def _refined(
        self,
        view: ResidualSums,
        geometry: RegisteredGeometry,
        near: tuple[tuple[int, int], int],
        best: tuple[Floats, list[Peak]],
    ) -> tuple[Floats, list[Peak]]:
        """The tiles at the geometry nearby with the highest peak near the expected place, and their peaks."""
        matrix, random = geometry.perspective, np.random.default_rng(0)
        for reach in _REFINEMENTS:
            for step in random.normal(0, reach, (_TRIES, 2, 2)):
                tried = _about_centre(step, geometry) @ matrix
                tiles = _fold(view.chunks, tried, geometry)
                peaks = self._synchroniser.peaks_near(tiles, view.times, *near)
                if peaks[0].sigmas > best[1][0].sigmas:
                    matrix, best = tried, (tiles, peaks)
        return best


def correlate(pattern: WatermarkPattern, content_id: int, candidates: Iterable[Floats]) -> float:
    """How well the best of these soft bits fit the codeword of this id, in standard deviations of chance."""
    signs = 1.0 - 2.0 * payload.encode(pattern, content_id)
    norms = ((soft, float(np.linalg.norm(soft))) for soft in candidates)
    return max((float(signs @ soft) / norm for soft, norm in norms if norm), default=0.0)


def _oriented(chunk: Floats, mirrored: bool) -> Floats:
    return np.ascontiguousarray(chunk[:, ::-1]) if mirrored else chunk


def _about_centre(step: npt.NDArray[np.float64], geometry: RegisteredGeometry) -> Perspective:
    """A small linear change of the canonical picture that keeps its centre."""
    centre = np.array([geometry.width, geometry.height]) / 2
    changed = np.eye(3)
    changed[:2, :2] += step
    changed[:2, 2] = -step @ centre
    return changed


def _fold(chunks: list[Floats], matrix: Perspective, geometry: RegisteredGeometry) -> Floats:
    """Sum all tiles of each chunk. What lies outside the marked picture is left out."""
    across, down = (math.ceil(side / TILE) * TILE for side in (geometry.width, geometry.height))
    tiles = []
    for chunk in chunks:
        warped = np.zeros((down, across), np.float32)
        size = (geometry.width, geometry.height)
        warped[: geometry.height, : geometry.width] = cv2.warpPerspective(chunk, matrix, size)
        tiles.append(warped.reshape(down // TILE, TILE, across // TILE, TILE).sum(axis=(0, 2)))
    return np.stack(tiles)
