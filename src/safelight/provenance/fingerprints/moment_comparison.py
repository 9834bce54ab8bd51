"""Compares the moments that a copy shows with those of a registered video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

from .fingerprinter import STEP_S, ClipFrame
from .picture_comparison import (
    Perspective,
    RegisteredPicture,
    SearchedPictures,
    decode_thumbnail,
    to_grey,
)
from .scene_changes import Assignment, SceneChanges, filtered

Times = npt.NDArray[np.float64]

#: Seconds between two frames of the copy, and the most that decides. In fast action, a moment that is missed
#: by a few hundredths of a second already looks different.
SAMPLED_STEP_S, _MAX_STEP_S = 1 / 30, 1 / 10
#: Frames of the copy, and its length in seconds with which they are close enough to each other.
MAX_SAMPLED, _MAX_LENGTH_S = 160, 10.5
#: Frames of the copy in which local features are searched, and places of the copy that are tried of these.
_REGISTERED, _PLACES = 8, 2
#: Shorter side at which pictures are compared, and of a frame before it is put in its place.
_SIDE, _FRAME_SIDE = 180, 240
#: Thumbnails that a copy has to cover. With fewer, changes agree by chance.
_MIN_COVERED = 3
#: Duration of the copy relative to the same part of the original: players run slower or faster.
_SPEEDS = (0.8, 0.9, 1.0, 1.11, 1.25)
#: A thumbnail this many seconds outside the copy is compared with its first or last frame.
_OVERHANG_S = 0.1
#: Correlation of the changes with which two clips show the same moments, or other ones
#: (docs/benchmarks/provenance.md).
_SAME, _OTHER = 0.9, 0.6
#: Similarity of the picture without which the place of the copy is not known well enough to compare changes.
_MIN_BACKGROUND = 0.75


class Moments(StrEnum):
    """Whether a copy shows the same moments as a registered video, or other ones of the same scene."""

    SAME = "same"
    OTHER = "other"
    #: The video hardly moves, or the copy is too short, too long, changed too far, or a picture.
    UNDECIDED = "undecided"


def compare_moments(frames: Sequence[ClipFrame], registered: RegisteredPicture) -> Moments:
    """Compare densely sampled frames of a copy, also mirrored, with the thumbnails.

    Two parts of one film have the same background, but what changes in them is different. So the changes
    between thumbnails are compared with those between frames of the copy at the same distances in time.
    """
    times = np.array([one.time_s for one in frames], np.float64)
    if not _can_decide(times, registered):
        return Moments.UNDECIDED
    assignments = list(_assignments(np.array(registered.times_s), times))
    agreement = background = 0.0
    for changes in _changes_in_places([to_grey(one.pixels) for one in frames], frames, registered):
        agreement = max(agreement, changes.agreement(assignments))
        if agreement >= _SAME:
            return Moments.SAME
        background = max(background, changes.background_agreement())
    is_other = 0 < agreement < _OTHER and background >= _MIN_BACKGROUND
    return Moments.OTHER if is_other else Moments.UNDECIDED


def _can_decide(times: Times, registered: RegisteredPicture) -> bool:
    """Whether the copy has enough frames, and each part of the video of its length enough thumbnails."""
    known = np.array(registered.times_s, np.float64)
    if len(known) < _MIN_COVERED or len(known) != len(registered.thumbnails) or len(times) < _MIN_COVERED:
        return False
    length = times[-1] - times[0]
    is_dense = np.median(np.diff(times)) <= _MAX_STEP_S + 1e-3  # clocks of files count in thousandths
    if not is_dense or length > _MAX_LENGTH_S:
        return False
    # The video ends less than a step after its last sampled frame, on average half of one.
    end = max(registered.step_s * len(known) + STEP_S / 2, known[-1])
    starts = np.arange(0.0, max(end - length, 0.0) + 1e-6, SAMPLED_STEP_S)
    covered = [int(np.count_nonzero(_is_covered(known - start, length))) for start in starts]
    return min(covered) >= _MIN_COVERED


def _is_covered(times: Times, length: float) -> npt.NDArray[np.bool_]:
    return (times >= -_OVERHANG_S) & (times <= length + _OVERHANG_S)


def _assignments(known: Times, times: Times) -> Iterator[Assignment]:
    """Thumbnails and frames for every speed and every shift in time with which the copy covers enough."""
    seen, times = set[Assignment](), times - times[0]
    for speed in _SPEEDS:
        for shift in np.arange(-speed * known[-1], times[-1] + SAMPLED_STEP_S, SAMPLED_STEP_S):
            expected = shift + speed * known
            covered = np.flatnonzero(_is_covered(expected, times[-1]))
            if len(covered) < _MIN_COVERED:
                continue
            nearest = np.abs(times[None] - expected[covered, None]).argmin(axis=1)
            one = Assignment(thumbnails=tuple(map(int, covered)), frames=tuple(map(int, nearest)))
            if one not in seen:
                seen.add(one)
                yield one


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the frames are in the thumbnails: from pixels of a frame, after it was mirrored."""

    perspective: Perspective
    mirrored: bool


def _changes_in_places(
    greys: Sequence[Pixels], frames: Sequence[ClipFrame], registered: RegisteredPicture
) -> Iterator[SceneChanges]:
    known = [decode_thumbnail(one) for one in registered.thumbnails]
    height, width = known[0].shape
    scale = _SIDE / min(height, width)
    size = (round(width * scale), round(height * scale))
    filtered_known = [filtered(_resized(one, size)) for one in known]
    factor = min(_FRAME_SIDE / min(greys[0].shape), 1.0)
    small_size = (round(greys[0].shape[1] * factor), round(greys[0].shape[0] * factor))
    small = [_resized(one, small_size) for one in greys]
    from_small = np.diag([greys[0].shape[1] / small_size[0], greys[0].shape[0] / small_size[1], 1.0])
    for place in _places(frames, registered, known[0].shape):
        matrix = np.diag([scale, scale, 1.0]) @ place.perspective @ from_small
        everywhere = np.ones(small[0].shape, np.uint8)
        visible = np.asarray(cv2.warpPerspective(everywhere, matrix, size), np.bool_)
        moved = (
            cv2.warpPerspective(
                one[:, ::-1] if place.mirrored else one, matrix, size, borderMode=cv2.BORDER_REPLICATE
            )
            for one in small
        )
        yield SceneChanges.of(filtered_known, [filtered(np.asarray(one, np.uint8)) for one in moved], visible)


def _places(
    frames: Sequence[ClipFrame], registered: RegisteredPicture, shape: tuple[int, ...]
) -> Iterator[_Place]:
    """Where local features agree, and the whole picture, which is right in most copies."""
    step = max(len(frames) // _REGISTERED, 1)
    searched = SearchedPictures([one.pixels for one in frames[::step][:_REGISTERED]])
    height, width = frames[0].pixels.shape[:2]
    whole = np.diag([shape[1] / width, shape[0] / height, 1.0])
    for mirrored, found in zip((False, True), searched.register_both_ways(registered), strict=True):
        for one in found[:_PLACES]:
            yield _Place(perspective=one.perspective, mirrored=mirrored)
        yield _Place(perspective=whole, mirrored=mirrored)


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
