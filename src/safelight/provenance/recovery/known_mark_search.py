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


class KnownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of a registered video, and its mark if its epoch is still searched."""

    picture: RegisteredPicture
    content_id: int | None = None
    seed: bytes | None = None


class KnownMarkTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `search_known_in_child`. The pictures are tried in their order."""

    source: str
    known: tuple[KnownPicture, ...]
    #: Processor time for all, in seconds. Pictures that are not reached in time do not agree.
    budget_s: float


class KnownMarkResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a file shows a registered picture, and whether it has the mark of that video."""

    agrees: bool = False
    has_mark: bool = False


def search_known_in_child(argument: Any, _link: object) -> list[KnownMarkResult]:
    """Entry point: one result for each registered picture, in their order. The search ends with the first
    mark that is found.
    """
    task = msgspec.convert(argument, KnownMarkTask)
    end = time.process_time() + task.budget_s

    def is_over() -> bool:
        return time.process_time() > end

    path, results = Path(task.source), [KnownMarkResult()] * len(task.known)
    searched = SearchedPictures(list(sample_file(path, _FRAMES)))
    sums: ResidualSums | None = None
    for number, known in enumerate(task.known):
        if is_over():
            break
        registrations = searched.register(known.picture)
        if not registrations:
            continue
        results[number] = KnownMarkResult(agrees=True)
        if known.seed is None or known.content_id is None:
            continue
        sums = sums or _sums(path, is_over)
        if has_known_mark(known.seed, known.content_id, sums, registrations):
            results[number] = KnownMarkResult(agrees=True, has_mark=True)
            break
    return results


def has_known_mark(
    seed: bytes, content_id: int, sums: ResidualSums, registrations: Sequence[Registration]
) -> bool:
    """Whether a registered picture has the mark with this id."""
    detector = AssistedDetector(WatermarkPattern.from_seed(seed))
    return any(
        detector.correlation(sums, canonical_geometry(one), content_id) >= MIN_CORRELATION
        for one in registrations
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
