"""Reads the watermark from residuals, without the original."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.core.arrays import Floats

from . import payload
from .lattice_spectrum import GRIDS, LatticeSpectrum, Matrix
from .pattern import SHORT_SIDE, WatermarkPattern
from .residual import ResidualSums
from .synchroniser import Synchronisation, Synchroniser, fold

#: A mark is accepted only above this peak, in standard deviations; see docs/benchmarks/provenance.md.
MIN_SIGMAS = 5.0
_CANDIDATES = 6
#: Of the candidates that are only scaled; each costs a few milliseconds.
_SCALE_CANDIDATES = 150
#: Steps of the last refinement of a geometry, and how many of each are tried.
_REACHES, _TRIES = (0.002, 0.001, 0.0006), 16
#: Places whose soft bits are kept if nothing is read.
MAX_UNREAD = 20


@dataclass(frozen=True, kw_only=True)
class WatermarkDetection:
    """A mark that was read."""

    content_id: int
    #: Height of the synchronisation peak, in standard deviations.
    sigmas: float
    #: Canonical pixels for each pixel of the residual.
    geometry: Matrix
    mirrored: bool


@dataclass(frozen=True, kw_only=True)
class WatermarkSearch:
    """The result of a search."""

    found: WatermarkDetection | None
    #: If nothing was read, soft bits of at most `MAX_UNREAD` places: those of the unchanged picture first,
    #: then those that fit best. The mark of a known id may be found in them.
    unread: tuple[Floats, ...] = ()


def search_marks(
    detectors: Sequence[WatermarkDetector], sums: ResidualSums, is_over: Callable[[], bool]
) -> list[WatermarkSearch]:
    """One result for each pattern. Ends with the first mark that is read, or when `is_over` returns true.

    Each geometry is tried with all patterns, so that none of them is left out if the time is over.
    """
    tried: list[list[Synchronisation]] = [[] for _ in detectors]
    read: WatermarkDetection | None = None
    for matrix in _geometries(sums) if _has_texture(sums) else ():
        tiles = fold(sums.chunks, matrix)
        for number, detector in enumerate(detectors):
            view = _View(sums=sums, matrix=matrix, tiles=tiles)
            read = detector.try_geometry(view, tried[number], is_over)
            if read is not None:
                return [WatermarkSearch(found=read if one is detector else None) for one in detectors]
        if is_over():
            break
    return [WatermarkSearch(found=None, unread=_best(one)) for one in tried]


@dataclass(frozen=True, kw_only=True)
class _View:
    """The residuals at one geometry."""

    sums: ResidualSums
    matrix: Matrix
    tiles: Floats


class WatermarkDetector:
    """Searches marks of one pattern."""

    def __init__(self, pattern: WatermarkPattern, synchroniser: Synchroniser | None = None) -> None:
        self._pattern = pattern
        self._synchroniser = synchroniser or Synchroniser(pattern)

    def read(self, sums: ResidualSums) -> WatermarkDetection | None:
        """The mark of a file that was neither cropped nor turned; its size may differ."""
        if not _has_texture(sums):
            return None
        matrix = _upright(sums)
        view = _View(sums=sums, matrix=matrix, tiles=fold(sums.chunks, matrix))
        return self._try(view, [], lambda: False, mirror=False)

    def search(self, sums: ResidualSums, is_over: Callable[[], bool]) -> WatermarkSearch:
        """The mark of a changed picture. Ends without one when `is_over` returns true."""
        return search_marks([self], sums, is_over)[0]

    def try_geometry(
        self, view: _View, tried: list[Synchronisation], is_over: Callable[[], bool]
    ) -> WatermarkDetection | None:
        """The mark at one geometry, also of the mirror image. What is not read is added to `tried`."""
        return self._try(view, tried, is_over, mirror=False) or self._try(view, tried, is_over, mirror=True)

    def _try(
        self, view: _View, tried: list[Synchronisation], is_over: Callable[[], bool], *, mirror: bool
    ) -> WatermarkDetection | None:
        matrix = view.matrix
        found = self._synchroniser.synchronise(_oriented(view.tiles, mirror), view.sums.times)
        if found.sigmas >= MIN_SIGMAS:
            content_id = payload.decode(self._pattern, found.llr)
            if content_id is None:
                matrix, found = self._refine(view, found, is_over, mirror=mirror)
                content_id = payload.decode(self._pattern, found.llr)
            if content_id is not None:
                return WatermarkDetection(
                    content_id=content_id, sigmas=found.sigmas, geometry=matrix, mirrored=mirror
                )
        tried.append(found)
        return None

    def _refine(
        self, view: _View, found: Synchronisation, is_over: Callable[[], bool], *, mirror: bool
    ) -> tuple[Matrix, Synchronisation]:
        """The geometry nearby with the highest peak. A weak mark is read only at the exact geometry."""
        matrix, random = view.matrix, np.random.default_rng(0)
        for reach in _REACHES:
            for step in random.normal(0, reach, (_TRIES, 2, 2)):
                if is_over():
                    return matrix, found
                tiles = _oriented(fold(view.sums.chunks, matrix + step), mirror)
                tried = self._synchroniser.synchronise_near(tiles, view.sums.times, found)
                if tried.sigmas > found.sigmas:
                    matrix, found = matrix + step, tried
        return matrix, found


def _geometries(sums: ResidualSums) -> Iterator[Matrix]:
    yield _upright(sums)
    spectrum = LatticeSpectrum(sums)
    for grid in GRIDS:
        yield from spectrum.candidates(grid, _CANDIDATES)
    yield from spectrum.scale_candidates(_SCALE_CANDIDATES)


def _best(tried: list[Synchronisation]) -> tuple[Floats, ...]:
    unchanged, others = tried[:2], sorted(tried[2:], key=lambda one: -one.sigmas)
    return tuple(one.llr for one in (*unchanged, *others)[:MAX_UNREAD])


def _oriented(tiles: Floats, mirror: bool) -> Floats:
    return tiles[:, :, ::-1] if mirror else tiles


def _has_texture(sums: ResidualSums) -> bool:
    return any(chunk.any() for chunk in sums.chunks)


def _upright(sums: ResidualSums) -> Matrix:
    return np.diag(np.full(2, SHORT_SIDE / min(sums.chunks[0].shape)))
