"""Faces of consecutive stills as tracks, so that one face is described once and not in every frame. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: How much of two boxes in consecutive stills has to be common for them to be one face.
_SAME = 0.3


class Box(NamedTuple):
    """In parts of the picture's width and height, from the top left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return self.w * self.h

    def common(self, other: Box) -> float:
        """Intersection over union."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if wide <= 0 or high <= 0:
            return 0.0
        return wide * high / (self.area + other.area - wide * high)

    def holds_middle_of(self, other: Box) -> bool:
        x, y = other.x + other.w / 2, other.y + other.h / 2
        return self.x <= x <= self.x + self.w and self.y <= y <= self.y + self.h


class FaceDetection(NamedTuple):
    """One face in one still, by the still's place."""

    still: int
    box: Box


def tracked(spots: Sequence[Sequence[Box]]) -> list[list[FaceDetection]]:
    """The faces of each still joined over consecutive stills, the best overlaps first."""
    done: list[list[FaceDetection]] = []
    running: list[list[FaceDetection]] = []
    for still, boxes in enumerate(spots):
        pairs = sorted(
            (
                (track[-1].box.common(box), number, place)
                for number, track in enumerate(running)
                for place, box in enumerate(boxes)
            ),
            reverse=True,
        )
        taken: dict[int, int] = {}
        for common, number, place in pairs:
            if common >= _SAME and number not in taken and place not in taken.values():
                taken[number] = place
        for number, place in taken.items():
            running[number].append(FaceDetection(still, boxes[place]))
        done += [track for number, track in enumerate(running) if number not in taken]
        running = [track for number, track in enumerate(running) if number in taken]
        running += [
            [FaceDetection(still, box)] for place, box in enumerate(boxes) if place not in taken.values()
        ]
    return sorted((*done, *running), key=lambda track: (track[0].still, track[0].box))


def best_frames(track: Sequence[FaceDetection]) -> tuple[FaceDetection, ...]:
    """The spots a track is described by: its first, its largest and its last.

    More than one, because a face may be exchanged for another in the same place.
    """
    largest = max(track, key=lambda spot: spot.box.area)
    return tuple(dict.fromkeys((track[0], largest, track[-1])))
