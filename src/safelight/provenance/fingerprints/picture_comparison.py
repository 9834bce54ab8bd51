"""Compares frames of an unknown file with the thumbnails of a registered one, by local features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: Features of one picture, and the fewest with which pictures can be compared at all.
_MAX_FEATURES, _MIN_FEATURES = 400, 60
#: Every picture has at least this many if a missing match shows that they differ: in a picture with few
#: features, a crop removes most of them.
_MIN_TO_DIFFER = 150
#: Less than the default of OpenCV (0.04), so that dark and smooth clips have features too.
_MIN_CONTRAST = 0.015
#: A feature matches if the second best match is this much worse (Lowe's ratio test).
_RATIO = 0.8
#: Matches that agree on one perspective: pictures with at least `_MIN_AGREEING` show the same, and if no pair
#: has more than `_MAX_CHANCE`, they show something else. Between the two nothing is concluded. Unrelated
#: clips had at most 6; see docs/recovery.md.
_MIN_AGREEING, _MAX_CHANCE = 15, 8
_REPROJECTION_PX = 4.0
#: Scale of a plausible perspective.
_MIN_SCALE, _MAX_SCALE = 0.2, 5.0
_CORNERS = np.array([[[0, 0]], [[100, 0]], [[100, 100]], [[0, 100]]], np.float32)
#: If thumbnails are further apart in time, a scene may have none.
MAX_STEP_S = 3.0


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


def compare_pictures(frames: Sequence[Pixels], registered: RegisteredPicture) -> Comparison:
    """Compare frames, also mirrored, with the thumbnails."""
    known = list(_features(map(_decode, registered.thumbnails)))
    plain = list(_features(map(_grey, frames)))
    best = _most_agreeing(plain, known)
    if best < _MIN_AGREEING:
        best = max(best, _most_agreeing(_features(_grey(each)[:, ::-1] for each in frames), known))
    if best >= _MIN_AGREEING:
        return Comparison.AGREES
    counts = len(known), len(plain)
    is_complete = min(counts) > 0 and counts == (len(registered.thumbnails), len(frames))
    has_detail = all(len(places) >= _MIN_TO_DIFFER for places, _descriptors in (*known, *plain))
    if is_complete and has_detail and best <= _MAX_CHANCE and registered.step_s <= MAX_STEP_S:
        return Comparison.DIFFERS
    return Comparison.NOT_COMPARABLE


def _features(pictures: Iterable[Pixels]) -> Iterable[tuple[Any, Any]]:
    """Places and descriptors of each picture that has enough of them."""
    detector = cv2.SIFT.create(nfeatures=_MAX_FEATURES, contrastThreshold=_MIN_CONTRAST)
    for picture in pictures:
        places, descriptors = detector.detectAndCompute(np.ascontiguousarray(picture), None)
        if len(places) >= _MIN_FEATURES:
            yield np.array([each.pt for each in places], np.float32), descriptors


def _most_agreeing(ours: Iterable[tuple[Any, Any]], known: Sequence[tuple[Any, Any]]) -> int:
    matcher = cv2.BFMatcher.create(cv2.NORM_L2)
    return max((_agreeing(matcher, one, other) for one in ours for other in known), default=0)


def _agreeing(matcher: Any, one: tuple[Any, Any], other: tuple[Any, Any]) -> int:
    """The number of matches that agree on one plausible perspective."""
    pairs = [pair for pair in matcher.knnMatch(one[1], other[1], k=2) if len(pair) == 2]
    good = [best for best, second in pairs if best.distance < _RATIO * second.distance]
    # Several features that match the same one are repeated texture.
    good = list({each.trainIdx: each for each in good}.values())
    if len(good) < 4:
        return 0
    places = one[0][[each.queryIdx for each in good]], other[0][[each.trainIdx for each in good]]
    perspective, inliers = cv2.findHomography(*places, cv2.RANSAC, _REPROJECTION_PX)
    if perspective is None or not _is_plausible(perspective):
        return 0
    return int(inliers.sum())


def _is_plausible(perspective: npt.NDArray[np.float64]) -> bool:
    """Whether a square stays a convex quadrilateral that is neither mirrored nor tiny."""
    corners = cv2.perspectiveTransform(_CORNERS, perspective)
    if not np.isfinite(corners).all() or not cv2.isContourConvex(corners.astype(np.float32)):
        return False
    area = cv2.contourArea(corners.astype(np.float32), oriented=True) / 100**2
    return bool(_MIN_SCALE**2 <= area <= _MAX_SCALE**2)


def _decode(jpeg: bytes) -> Pixels:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.zeros((1, 1), np.uint8) if picture is None else np.asarray(picture, np.uint8)


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
