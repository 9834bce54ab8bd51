"""Faces of consecutive stills as tracks, so that one face is described once and not in every frame. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from safelight.detectors.box_tracker import BoxTracker, Track


class FaceBox(NamedTuple):
    """In parts of the picture's width and height, from the top left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return self.w * self.h

    def holds_middle_of(self, other: FaceBox) -> bool:
        x, y = other.x + other.w / 2, other.y + other.h / 2
        return self.x <= x <= self.x + self.w and self.y <= y <= self.y + self.h


class FaceDetection(NamedTuple):
    """One face in one still, by the still's place."""

    still: int
    box: FaceBox


def tracked(spots: Sequence[Sequence[FaceBox]]) -> list[list[FaceDetection]]:
    """The faces of each still joined over consecutive stills, the best overlaps first."""
    tracker = BoxTracker(bridge=0)
    faces: dict[int, tuple[Track, list[FaceDetection]]] = {}
    for still, boxes in enumerate(spots):
        for track, box in zip(tracker.add(still, [(0.0, box) for box in boxes]), boxes, strict=True):
            # The track is kept beside its faces: its id must not be given to another one.
            faces.setdefault(id(track), (track, []))[1].append(FaceDetection(still, box))
    return sorted((found for _track, found in faces.values()), key=lambda face: (face[0].still, face[0].box))


def best_frames(track: Sequence[FaceDetection]) -> tuple[FaceDetection, ...]:
    """The spots a track is described by: its first, its largest and its last.

    More than one, because a face may be exchanged for another in the same place.
    """
    largest = max(track, key=lambda spot: spot.box.area)
    return tuple(dict.fromkeys((track[0], largest, track[-1])))
