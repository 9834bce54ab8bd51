"""Compares frames of an unknown file with the thumbnails of a registered one, by local features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

Perspective = npt.NDArray[np.float64]

#: Features of one picture, and the fewest with which pictures can be compared at all.
_MAX_FEATURES, _MIN_FEATURES = 400, 60
#: Every picture has at least this many if a missing match shows that they differ: in a picture with few
#: features, a crop removes most of them.
_MIN_TO_DIFFER = 150
#: Features of one frame before a difference is concluded: on a recorded screen, the page around the video has
#: features too, and often stronger ones.
_MAX_FEATURES_TO_DIFFER = 8 * _MAX_FEATURES
#: Size and JPEG quality at which each thumbnail must still agree with itself. A drawing that does not would
#: not be recognized on a recorded screen either, so a missing agreement shows nothing.
_REDUCED_SIZE, _REDUCED_QUALITY = 0.5, 50
#: Less than the default of OpenCV (0.04), so that dark and smooth clips have features too.
_MIN_CONTRAST = 0.015
#: A feature matches if the second best match is this much worse (Lowe's ratio test).
_RATIO = 0.8
#: Matches that agree on one perspective: pictures with at least `MIN_AGREEING` show the same, and if no pair
#: has more than `_MAX_CHANCE`, they show something else. Between the two nothing is concluded. Unrelated
#: clips had at most 6; see docs/benchmarks/provenance.md.
MIN_AGREEING, _MAX_CHANCE = 15, 8
_REPROJECTION_PX = 4.0
#: Scale of a plausible perspective.
_MIN_SCALE, _MAX_SCALE = 0.2, 5.0
_CORNERS = np.array([[[0, 0]], [[100, 0]], [[100, 100]], [[0, 100]]], np.float32)
#: If thumbnails are further apart in time, a scene may have none.
MAX_STEP_S = 3.0


#: Agreements of one file with one registered picture that are used to look for its mark.
MAX_REGISTRATIONS = 3


class Comparison(StrEnum):
    """Whether the picture of a file is that of a registered video."""

    AGREES = "agrees"
    DIFFERS = "differs"
    #: One of the two has too little detail, or not every scene has a thumbnail.
    NOT_COMPARABLE = "not comparable"


class RegisteredPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The thumbnails of a registered video, and the seconds between two of them."""

    thumbnails: tuple[bytes, ...]
    step_s: float
    #: Seconds from the first frame to each thumbnail; empty if they are not known.
    times_s: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Where a frame is in a registered picture."""

    #: From pixels of the frame, after it was mirrored, to pixels of the thumbnail.
    perspective: Perspective
    mirrored: bool
    #: Of the thumbnail.
    width: int
    height: int


def compare_pictures(
    frames: Sequence[Pixels], registered: RegisteredPicture, *, confirms_difference: bool
) -> Comparison:
    """Compare frames, also mirrored, with the thumbnails.

    `confirms_difference`: look again before pictures are called different, which takes about three times as
    long.
    """
    known = list(_features(map(decode_thumbnail, registered.thumbnails)))
    plain = list(_features(map(to_grey, frames)))
    best = _best_match(plain, known).count
    if best < MIN_AGREEING:
        best = max(best, _best_match(_features(map(_mirrored, frames)), known).count)
    if best >= MIN_AGREEING:
        return Comparison.AGREES
    counts = len(known), len(plain)
    is_complete = min(counts) > 0 and counts == (len(registered.thumbnails), len(frames))
    has_detail = all(len(one.places) >= _MIN_TO_DIFFER for one in (*known, *plain))
    if is_complete and has_detail and best <= _MAX_CHANCE and registered.step_s <= MAX_STEP_S:
        return _confirm_difference(frames, registered, known) if confirms_difference else Comparison.DIFFERS
    return Comparison.NOT_COMPARABLE


def _confirm_difference(
    frames: Sequence[Pixels], registered: RegisteredPicture, known: Sequence[_Features]
) -> Comparison:
    """Look again for an agreement that a smaller picture, or one on a page, would have."""
    for one, thumbnail in zip(known, registered.thumbnails, strict=True):
        if _best_match(_features([_reduced(decode_thumbnail(thumbnail))]), [one]).count < MIN_AGREEING:
            return Comparison.NOT_COMPARABLE
    for turn in (to_grey, _mirrored):
        if _best_match(_features(map(turn, frames), _MAX_FEATURES_TO_DIFFER), known).count > _MAX_CHANCE:
            return Comparison.NOT_COMPARABLE
    return Comparison.DIFFERS


class SearchedPictures:
    """Frames of a file that is searched. Their features are computed once, for all registered pictures."""

    def __init__(self, frames: Sequence[Pixels]) -> None:
        self._frames = frames

    @cached_property
    def _plain(self) -> list[_Features]:
        return list(_features(map(to_grey, self._frames)))

    @cached_property
    def _turned(self) -> list[_Features]:
        return list(_features(map(_mirrored, self._frames)))

    @cached_property
    def _small(self) -> list[_Features]:
        return list(_features(_halved(to_grey(one)) for one in self._frames[::3]))

    @cached_property
    def _small_turned(self) -> list[_Features]:
        return list(_features(_halved(_mirrored(one)) for one in self._frames[::3]))

    def count_agreeing(self, registered: RegisteredPicture, *, mirrored: bool) -> int:
        """The features that agree on one perspective, in the best of every third frame at half its size: a
        first look, which takes a fraction of the time of `register`. `MIN_AGREEING` show the same.
        """
        known = list(_features(_halved(decode_thumbnail(one)) for one in registered.thumbnails))
        return _best_match(self._small_turned if mirrored else self._small, known).count

    def register(self, registered: RegisteredPicture) -> list[Registration]:
        """The best agreements of a frame with a thumbnail, each with another thumbnail.

        If the camera moves, only the frame of the same time is in the right place, and it agrees best.
        """
        known = list(_features(map(decode_thumbnail, registered.thumbnails)))
        return self._register(self._plain, known) or self._register(self._turned, known)

    def register_both_ways(self, registered: RegisteredPicture) -> Iterator[list[Registration]]:
        """The same for the frames as they are, then for their mirror images: a symmetric picture agrees with
        both.
        """
        known = list(_features(map(decode_thumbnail, registered.thumbnails)))
        yield self._register(self._plain, known)
        yield self._register(self._turned, known)

    def as_whole(self, registered: RegisteredPicture) -> list[Registration]:
        """The place of a copy that shows the whole picture, without a look at features."""
        if not registered.thumbnails or not self._frames:
            return []
        height, width = decode_thumbnail(registered.thumbnails[0]).shape
        rows, columns = self._frames[0].shape[:2]
        scale = np.diag([width / columns, height / rows, 1.0])
        return [Registration(perspective=scale, mirrored=False, width=width, height=height)]

    def _register(self, ours: list[_Features], known: list[_Features]) -> list[Registration]:
        matches = sorted((_best_match(ours, [one]) for one in known), key=lambda match: -match.count)
        return [
            Registration(
                perspective=match.perspective,
                mirrored=ours is not self._plain,
                width=match.width,
                height=match.height,
            )
            for match in matches[:MAX_REGISTRATIONS]
            if match.perspective is not None and match.count >= MIN_AGREEING
        ]


@dataclass(frozen=True, kw_only=True)
class _Features:
    """Places and descriptors of the features of one picture, and its size."""

    places: npt.NDArray[np.float32]
    descriptors: Any
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class _Match:
    """Features that agree on one plausible perspective, from one picture to the other."""

    count: int = 0
    perspective: Perspective | None = None
    #: Of the registered picture.
    width: int = 0
    height: int = 0


def _features(pictures: Iterable[Pixels], most: int = _MAX_FEATURES) -> Iterable[_Features]:
    """The features of each picture that has enough of them."""
    detector = cv2.SIFT.create(nfeatures=most, contrastThreshold=_MIN_CONTRAST)
    for picture in pictures:
        places, descriptors = detector.detectAndCompute(np.ascontiguousarray(picture), None)
        if len(places) >= _MIN_FEATURES:
            height, width = picture.shape
            yield _Features(
                places=np.array([each.pt for each in places], np.float32),
                descriptors=descriptors,
                width=width,
                height=height,
            )


def _best_match(ours: Iterable[_Features], known: Sequence[_Features]) -> _Match:
    matcher = cv2.BFMatcher.create(cv2.NORM_L2)
    matches = (_match(matcher, one, other) for one in ours for other in known)
    return max(matches, key=lambda match: match.count, default=_Match())


def _match(matcher: Any, one: _Features, other: _Features) -> _Match:
    pairs = [pair for pair in matcher.knnMatch(one.descriptors, other.descriptors, k=2) if len(pair) == 2]
    good = [best for best, second in pairs if best.distance < _RATIO * second.distance]
    # Several features that match the same one are repeated texture.
    good = list({each.trainIdx: each for each in good}.values())
    if len(good) < 4:
        return _Match()
    places = (
        one.places[[each.queryIdx for each in good]],
        other.places[[each.trainIdx for each in good]],
    )
    found: Any = cv2.findHomography(*places, cv2.RANSAC, _REPROJECTION_PX)
    perspective, inliers = found
    if perspective is None or not _is_plausible(perspective):
        return _Match()
    return _Match(count=int(inliers.sum()), perspective=perspective, width=other.width, height=other.height)


def _is_plausible(perspective: Perspective) -> bool:
    """Whether a square stays a convex quadrilateral that is neither mirrored nor tiny."""
    corners = cv2.perspectiveTransform(_CORNERS, perspective)
    if not np.isfinite(corners).all() or not cv2.isContourConvex(corners.astype(np.float32)):
        return False
    area = cv2.contourArea(corners.astype(np.float32), oriented=True) / 100**2
    return bool(_MIN_SCALE**2 <= area <= _MAX_SCALE**2)


def decode_thumbnail(jpeg: bytes) -> Pixels:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.zeros((1, 1), np.uint8) if picture is None else np.asarray(picture, np.uint8)


def _halved(pixels: Pixels) -> Pixels:
    height, width = pixels.shape
    size = (max(width // 2, 1), max(height // 2, 1))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _reduced(pixels: Pixels) -> Pixels:
    """A smaller copy with the damage of a compression."""
    size = [max(round(side * _REDUCED_SIZE), 1) for side in reversed(pixels.shape)]
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _written, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _REDUCED_QUALITY])
    return decode_thumbnail(bytes(data))


def to_grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _mirrored(pixels: Pixels) -> Pixels:
    return to_grey(pixels)[:, ::-1]
