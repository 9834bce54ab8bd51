"""Box tracker: joins boxes of consecutive frames into tracks by their overlap. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: x, y, width and height as fractions of the picture's size.
Box = tuple[float, float, float, float]

#: Smallest intersection over union at which two boxes are the same object.
_MIN_OVERLAP = 0.3
#: Number of ended tracks that the tracker keeps. It keeps those with the highest scores.
_MAX_ENDED_TRACKS = 500


@dataclass
class Track:
    """One object followed through several frames.

    `first` and `last` are the positions of its first and last frame, `peak` is the position with the highest
    `score`.
    """

    first: int
    last: int
    peak: int
    score: float
    #: The box at the highest score, and the box last added.
    peak_box: Box
    last_box: Box
    #: Number of positions at which the object was found.
    count: int = 1


class BoxTracker:
    """Tracker for objects of one kind. A track continues if its object is missing at up to `bridge`
    positions in a row.
    """

    def __init__(self, *, bridge: int) -> None:
        self._bridge = bridge
        self._live: list[Track] = []
        self._done: list[Track] = []

    def add(self, position: int, boxes: Sequence[tuple[float, Box]]) -> list[Track]:
        """Assign each (score, box) at one position to a track; return the track of each box, in the same
        order.

        Callers must add positions in ascending order. The tracker joins the pair of track and box with the
        largest overlap first, then the pair with the next largest.
        """
        ended = [track for track in self._live if position - track.last > self._bridge + 1]
        if ended:
            self._live = [track for track in self._live if position - track.last <= self._bridge + 1]
            self._done = sorted([*self._done, *ended], key=lambda track: -track.score)[:_MAX_ENDED_TRACKS]
        pairs = sorted(
            (
                (iou, index, track)
                for index, (_score, box) in enumerate(boxes)
                for track in self._live
                if (iou := intersection_over_union(box, track.last_box)) >= _MIN_OVERLAP
            ),
            key=lambda pair: -pair[0],
        )
        assigned: dict[int, Track] = {}
        for _iou, index, track in pairs:
            if index not in assigned and all(track is not other for other in assigned.values()):
                assigned[index] = track
        for index, (score, box) in enumerate(boxes):
            if index not in assigned:
                assigned[index] = Track(
                    first=position, last=position, peak=position, score=score, peak_box=box, last_box=box
                )
                self._live.append(assigned[index])
                continue
            track = assigned[index]
            track.last, track.last_box, track.count = position, box, track.count + 1
            if score > track.score:
                track.peak, track.score, track.peak_box = position, score, box
        return [assigned[index] for index in range(len(boxes))]

    def tracks(self) -> list[Track]:
        """All tracks, ordered by first position."""
        return sorted([*self._done, *self._live], key=lambda track: (track.first, track.last))


def intersection_over_union(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    shared = intersection(one, other)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared) if shared else 0.0


def intersection(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0
