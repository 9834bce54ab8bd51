"""Joins the faces of consecutive keyframes into tracks, so that few templates per face are enough. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from safelight.detectors.box_tracker import BoxTracker, Track


class FaceBox(NamedTuple):
    """The box of a face, as fractions of the picture's width and height. `x` and `y` are its top left
    corner.
    """

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return self.w * self.h

    def contains_center_of(self, other: FaceBox) -> bool:
        x, y = other.x + other.w / 2, other.y + other.h / 2
        return self.x <= x <= self.x + self.w and self.y <= y <= self.y + self.h


class FaceDetection(NamedTuple):
    """One face in one keyframe. `keyframe` is the index of the keyframe."""

    keyframe: int
    box: FaceBox


def track_faces(spots: Sequence[Sequence[FaceBox]]) -> list[list[FaceDetection]]:
    """Join the faces of consecutive keyframes into tracks. Boxes with the largest overlap are joined
    first.
    """
    tracker = BoxTracker(bridge=0)
    faces: dict[int, tuple[Track, list[FaceDetection]]] = {}
    for keyframe, boxes in enumerate(spots):
        for track, box in zip(tracker.add(keyframe, [(0.0, box) for box in boxes]), boxes, strict=True):
            # The dictionary keeps the track object, so that Python cannot reuse its id for another track.
            faces.setdefault(id(track), (track, []))[1].append(FaceDetection(keyframe, box))
    return sorted(
        (found for _track, found in faces.values()), key=lambda face: (face[0].keyframe, face[0].box)
    )


def best_frames(track: Sequence[FaceDetection]) -> tuple[FaceDetection, ...]:
    """The frames that represent a track: the first, the one with the largest face, and the last.

    One frame is not enough, because another face may replace the first face in the same place.
    """
    largest = max(track, key=lambda spot: spot.box.area)
    return tuple(dict.fromkeys((track[0], largest, track[-1])))
