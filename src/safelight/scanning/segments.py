"""Per-frame findings joined into segments and tracks: one finding for one stretch of frames. Pure.

Memory stays small over hours: of every frame a few numbers are kept, and a finding only once for each way
in which it was worded.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import msgspec

from safelight.policy.findings import Attribute, Finding, FrameRange, ImageBox, Modality
from safelight.scanning.tracks import Track, Tracker


@dataclass(frozen=True, kw_only=True)
class Look:
    """One frame a detector was shown: its number, when it starts and when the next one does."""

    frame: int
    start_s: float
    end_s: float


class Looks(Protocol):
    """The frames a detector was shown, by the number of the call."""

    def __getitem__(self, call: int, /) -> Look: ...


#: Part of the peak score that still belongs to the same segment; weaker ends are segments of their own.
_EDGE = 0.5
#: Tracks that are told with a segment, the longest first.
_TOLD = 8


def join(findings: Sequence[tuple[int, Finding]], looks: Looks, *, bridge: int) -> list[Finding]:
    """Findings of one detector, each with the number of the call it came from, as segments: see `Joiner`."""
    joiner = Joiner(bridge=bridge)
    by_look: dict[int, list[Finding]] = {}
    for look, finding in findings:
        by_look.setdefault(look, []).append(finding)
    for look in sorted(by_look):
        joiner.add(look, by_look[look])
    return joiner.segments(looks)


class Joiner:
    """Joins the findings of one detector.

    A segment holds together across at most `bridge` calls without a finding of its kind. Its score is
    its peak's; `frames` counts the frames within half of that. Where more than one thing of the kind was
    to be seen, each is followed by its box, and told as a range of its own after the segment's.
    """

    def __init__(self, *, bridge: int) -> None:
        self._bridge = bridge
        self._kinds: dict[tuple[str, str, bool], _Kind] = {}

    def add(self, look: int, findings: Iterable[Finding]) -> None:
        """What was found in one call; calls come in order, those without a finding may be left out."""
        found: dict[tuple[str, str, bool], list[Finding]] = {}
        for finding in findings:
            kind = (finding.category, str(finding.attributes.get("kind", "")), finding.test_card)
            found.setdefault(kind, []).append(finding)
        for kind, same in found.items():
            if kind not in self._kinds:
                self._kinds[kind] = _Kind(self._bridge)
            self._kinds[kind].add(look, same)

    def segments(self, looks: Looks) -> list[Finding]:
        """Everything joined, in order of first frame."""
        joined = [segment for kind in self._kinds.values() for segment in kind.segments(looks)]
        return sorted(joined, key=_first)


class _Kind:
    """What was seen of one kind: for every call the strongest finding as numbers, and how many there were."""

    def __init__(self, bridge: int) -> None:
        self._bridge = bridge
        self._looks = array("q")
        self._counts = array("q")
        self._worded = array("q")
        self._scores = array("d")
        self._areas = array("d")
        self._boxes = array("d")
        self._wordings: dict[bytes, int] = {}
        self._findings: list[Finding] = []
        self._tracker = Tracker(bridge=bridge)

    def add(self, look: int, same: Sequence[Finding]) -> None:
        best = max(same, key=lambda one: one.score)
        box = _box(best)
        area = best.attributes.get("area")
        bare = msgspec.structs.replace(
            best,
            score=0.0,
            evidence=tuple(one for one in best.evidence if not isinstance(one, ImageBox)),
            attributes={name: value for name, value in best.attributes.items() if name != "area"},
        )
        key = msgspec.msgpack.encode(bare)
        if key not in self._wordings:
            self._wordings[key] = len(self._findings)
            self._findings.append(bare)
        self._looks.append(look)
        self._counts.append(len(same))
        self._worded.append(self._wordings[key])
        self._scores.append(best.score)
        self._areas.append(float(area) if isinstance(area, int | float) else -1.0)
        self._boxes.extend(box or (0.0, 0.0, -1.0, -1.0))
        self._tracker.add(look, [(one.score, seen) for one in same if (seen := _box(one)) is not None])

    def segments(self, looks: Looks) -> list[Finding]:
        tracks = self._tracker.tracks()
        return [
            self._segment(first, last, looks, tracks)
            for start, end in self._runs()
            for first, last in self._cores(start, end)
        ]

    def _runs(self) -> list[tuple[int, int]]:
        """From which to which observation a stretch without too long a gap goes, the end excluded."""
        breaks = [
            place + 1
            for place, (earlier, later) in enumerate(pairwise(self._looks))
            if later - earlier > self._bridge + 1
        ]
        return list(pairwise([0, *breaks, len(self._looks)]))

    def _cores(self, start: int, end: int) -> list[tuple[int, int]]:
        """A run cut into stretches that begin and end at no less than half of their own peak."""
        todo, cores = [(start, end)], []
        while todo:
            first, last = todo.pop()
            if first >= last:
                continue
            least = max(self._scores[first:last]) * _EDGE
            one = next(place for place in range(first, last) if self._scores[place] >= least)
            other = next(place for place in range(last - 1, first - 1, -1) if self._scores[place] >= least)
            cores.append((one, other + 1))
            todo += [(first, one), (other + 1, last)]
        return cores

    def _segment(self, start: int, end: int, looks: Looks, tracks: Sequence[Track]) -> Finding:
        peak = max(range(start, end), key=lambda place: self._scores[place])
        least = self._scores[peak] * _EDGE
        worded = self._findings[self._worded[peak]]
        first, last = looks[self._looks[start]], looks[self._looks[end - 1]]
        attributes: dict[str, Attribute] = dict(worded.attributes)
        area = max(self._areas[start:end])
        if area >= 0:
            attributes["area"] = area
        attributes["frames"] = sum(score >= least for score in self._scores[start:end])
        attributes["count"] = max(self._counts[start:end])
        attributes["duration_s"] = round(last.end_s - first.start_s, 4)
        x, y, w, h = self._boxes[4 * peak : 4 * peak + 4]
        whole = _range(
            self._looks[start],
            self._looks[end - 1],
            self._looks[peak],
            None if w < 0 else (x, y, w, h),
            looks,
        )
        return Finding(
            category=worded.category,
            score=self._scores[peak],
            modality=Modality.FRAMES,
            detector=worded.detector,
            version=worded.version,
            reason=worded.reason,
            evidence=(whole, *self._told(start, end, looks, tracks), *worded.evidence),
            attributes=attributes,
            test_card=worded.test_card,
        )

    def _told(self, start: int, end: int, looks: Looks, tracks: Sequence[Track]) -> Iterable[FrameRange]:
        first, last = self._looks[start], self._looks[end - 1]
        inside = [track for track in tracks if track.first >= first and track.last <= last]
        if len(inside) < 2:
            return ()
        longest = sorted(inside, key=lambda track: (track.first - track.last, track.first))[:_TOLD]
        return [
            _range(track.first, track.last, track.peak, track.box, looks)
            for track in sorted(longest, key=lambda track: (track.first, track.last))
        ]


def _box(finding: Finding) -> tuple[float, float, float, float] | None:
    found = next((one for one in finding.evidence if isinstance(one, ImageBox)), None)
    return None if found is None else (found.x, found.y, found.w, found.h)


def _range(
    first: int, last: int, peak: int, box: tuple[float, float, float, float] | None, looks: Looks
) -> FrameRange:
    begin, end = looks[first], looks[last]
    return FrameRange(
        first=begin.frame,
        last=end.frame,
        start_s=round(begin.start_s, 4),
        end_s=round(end.end_s, 4),
        peak=looks[peak].frame,
        box=None if box is None else ImageBox(x=box[0], y=box[1], w=box[2], h=box[3]),
    )


def _first(finding: Finding) -> tuple[int, int, str]:
    where = finding.evidence[0]
    return (where.first, where.last, finding.category) if isinstance(where, FrameRange) else (0, 0, "")
