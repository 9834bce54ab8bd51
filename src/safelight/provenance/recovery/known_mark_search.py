"""Registers a file with the pictures of similar registered videos, and looks for the mark of each.

Runs only inside a sandboxed child, which gets the seeds of epochs, never a key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from safelight.media.images import ImageLimits, read_image
from safelight.provenance.fingerprints.fingerprinter import is_picture, sample_file
from safelight.provenance.fingerprints.picture_comparison import (
    MIN_AGREEING,
    RegisteredPicture,
    Registration,
    SearchedPictures,
)
from safelight.provenance.watermark.assisted_detector import (
    MIN_CORRELATION,
    AssistedDetector,
    RegisteredGeometry,
)
from safelight.provenance.watermark.clip_marking import add_up
from safelight.provenance.watermark.pattern import SHORT_SIDE, WatermarkPattern
from safelight.provenance.watermark.residual import ResidualSums

#: Frames of the file that are registered. In a clip of 4 s, one is at most an eighth of a second from each
#: thumbnail.
_FRAMES = 16
#: Share of the time for the first look at all pictures.
_LOOK_SHARE = 0.5
#: Pictures without a registration, the most similar ones, that are taken for the whole picture of the file.
MAX_WHOLE = 4


class KnownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of a registered video, and its mark if its epoch is still searched."""

    picture: RegisteredPicture
    content_id: int | None = None
    seed: bytes | None = None


class KnownMarkTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `search_known_in_child`."""

    source: str
    known: tuple[KnownPicture, ...]
    #: Processor time for all, in seconds. The search ends with the step that it is in.
    budget_s: float


class KnownMarkResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a file shows a registered picture, and whether it has the mark of that video.

    A mark may be found without an agreeing picture.
    """

    agrees: bool = False
    has_mark: bool = False
    #: Whether the file was compared with the picture before the time was used up.
    was_reached: bool = False


def search_known_in_child(argument: Any, _link: object) -> list[KnownMarkResult]:
    """Entry point: one result for each registered picture, in their order."""
    task = msgspec.convert(argument, KnownMarkTask)
    budget, path = SearchBudget(task.budget_s, time.process_time), Path(task.source)
    searched = SearchedPictures(list(sample_file(path, _FRAMES)))
    return search_known(searched, lambda: _sums(path, budget.is_over), task.known, budget)


class SearchBudget:
    """Processor time of one search, from now on."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._start = clock()

    def is_over(self, share: float = 1.0) -> bool:
        """Whether this share of the time is used up."""
        return self._clock() - self._start > share * self._seconds


def search_known(
    searched: SearchedPictures,
    add_up_sums: Callable[[], ResidualSums],
    known: Sequence[KnownPicture],
    budget: SearchBudget,
) -> list[KnownMarkResult]:
    """One result for each registered picture, in their order. The search ends with the first mark.

    A first look at all pictures comes before the search for marks, which takes seconds for each picture:
    versions of one video share frames, so the origin of a copy is often not the first of them.
    """
    counts, reached = _look(searched, known, budget)
    results = [
        KnownMarkResult(agrees=counts[number] >= MIN_AGREEING, was_reached=number in reached)
        for number in range(len(known))
    ]
    sums: ResidualSums | None = None
    without_place: list[int] = []
    for number in sorted(range(len(known)), key=lambda one: -counts[one]):
        if budget.is_over():
            break
        registrations = searched.register(known[number].picture)
        if not registrations:
            results[number] = msgspec.structs.replace(results[number], was_reached=True)
            without_place.append(number)
            continue
        results[number] = KnownMarkResult(agrees=True, was_reached=True)
        sums = sums or (None if budget.is_over() else add_up_sums())
        if sums is not None and _has_mark(known[number], sums, registrations, budget):
            results[number] = KnownMarkResult(agrees=True, was_reached=True, has_mark=True)
            return results
    marked = [number for number in sorted(without_place) if known[number].seed is not None]
    for number in marked[:MAX_WHOLE]:
        if budget.is_over():
            break
        sums = sums or add_up_sums()
        if _has_mark(known[number], sums, searched.as_whole(known[number].picture), budget):
            results[number] = KnownMarkResult(was_reached=True, has_mark=True)
            break
    return results


def _look(
    searched: SearchedPictures, known: Sequence[KnownPicture], budget: SearchBudget
) -> tuple[list[int], set[int]]:
    """The features that agree with each picture, and the numbers of the pictures that were reached. The
    mirror image is looked at only if no picture agrees.
    """
    counts, reached = [0] * len(known), set[int]()
    for mirrored in (False, True):
        reached = set()
        for number, one in enumerate(known):
            if budget.is_over(_LOOK_SHARE):
                return counts, reached
            found = searched.count_agreeing(one.picture, mirrored=mirrored)
            counts[number] = max(counts[number], found)
            reached.add(number)
        if max(counts, default=0) >= MIN_AGREEING:
            break
    return counts, reached


def _has_mark(
    known: KnownPicture, sums: ResidualSums, registrations: Sequence[Registration], budget: SearchBudget
) -> bool:
    if known.seed is None or known.content_id is None:
        return False
    detector = AssistedDetector(WatermarkPattern.from_seed(known.seed))
    return any(
        detector.correlation(sums, canonical_geometry(one), known.content_id) >= MIN_CORRELATION
        for one in registrations
        if not budget.is_over()
    )


def _sums(path: Path, is_over: Callable[[], bool]) -> ResidualSums:
    if not is_picture(path):
        return add_up(path, is_over)
    sums = ResidualSums()
    _info, views = read_image(path, ImageLimits())
    if views:
        sums.add(np.asarray(cv2.cvtColor(views[0], cv2.COLOR_RGB2GRAY), np.uint8), 0.0)
    return sums


def canonical_geometry(registration: Registration) -> RegisteredGeometry:
    """In canonical pixels. The thumbnails of a small clip are smaller than the canonical picture."""
    scale = SHORT_SIDE / min(registration.width, registration.height)
    return RegisteredGeometry(
        perspective=np.diag([scale, scale, 1.0]) @ registration.perspective,
        width=round(scale * registration.width),
        height=round(scale * registration.height),
        mirrored=registration.mirrored,
    )
