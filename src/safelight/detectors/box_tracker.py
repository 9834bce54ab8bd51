"""Follows things through frames by their boxes: a box that overlaps one of the last call is the same thing.

Pure. Faces, and whatever the detectors find in frames, are followed by the same tracker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: x, y, width and height, in parts of the picture.
Box = tuple[float, float, float, float]

#: Intersection over union from which two boxes are one thing.
_MIN_OVERLAP = 0.3
#: Ended tracks that are kept, those of the highest peaks.
_MAX_ENDED_TRACKS = 500


@dataclass
class Track:
    """First and last call with the thing, its highest score, and its boxes."""

    first: int
    last: int
    peak: int
    score: float
    #: The box at the peak, and the last box.
    box: Box
    at: Box
    #: The calls in which it was seen.
    seen: int = 1


class BoxTracker:
    """Follows things of one kind. A track holds across at most `bridge` calls without its thing."""

    def __init__(self, *, bridge: int, overlap: float = _MIN_OVERLAP) -> None:
        self._bridge = bridge
        self._overlap = overlap
        self._live: list[Track] = []
        self._done: list[Track] = []

    def add(self, look: int, boxes: Sequence[tuple[float, Box]]) -> list[Track]:
        """The track of each (score, box) of one call, in their order; calls come in order.

        The pair of track and box that overlap most belongs together, then the next.
        """
        ended = [track for track in self._live if look - track.last > self._bridge + 1]
        if ended:
            self._live = [track for track in self._live if look - track.last <= self._bridge + 1]
            self._done = sorted([*self._done, *ended], key=lambda track: -track.score)[:_MAX_ENDED_TRACKS]
        pairs = sorted(
            (
                (common, place, track)
                for place, (_score, box) in enumerate(boxes)
                for track in self._live
                if (common := overlap(box, track.at)) >= self._overlap
            ),
            key=lambda pair: -pair[0],
        )
        mine: dict[int, Track] = {}
        for _common, place, track in pairs:
            if place not in mine and all(track is not other for other in mine.values()):
                mine[place] = track
        for place, (score, box) in enumerate(boxes):
            if place not in mine:
                mine[place] = Track(first=look, last=look, peak=look, score=score, box=box, at=box)
                self._live.append(mine[place])
                continue
            track = mine[place]
            track.last, track.at, track.seen = look, box, track.seen + 1
            if score > track.score:
                track.peak, track.score, track.box = look, score, box
        return [mine[place] for place in range(len(boxes))]

    def tracks(self) -> list[Track]:
        """All of them, in order of their first call."""
        return sorted([*self._done, *self._live], key=lambda track: (track.first, track.last))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (one[2] * one[3] + other[2] * other[3] - wide * high)
