"""Per-frame findings joined into segments and tracks: one finding for one stretch of frames. Pure.

Memory stays flat over hours: a stretch that has ended becomes its segments at once, of an open one some
numbers are kept for every call, and for every so many calls once it is long.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from safelight.detectors.box_tracker import BoxTracker, Track
from safelight.policy.findings import Attribute, Finding, FrameRange, ImageBox, Modality


@dataclass(frozen=True, kw_only=True)
class FrameTiming:
    """One frame a detector was shown: its number, when it starts and when the next one does."""

    frame: int
    start_s: float
    end_s: float


class FrameTimings(Protocol):
    """The frames a detector was shown, by the number of the call."""

    def __getitem__(self, call: int, /) -> FrameTiming: ...


#: Part of the peak score that still belongs to the same segment, and the score from which a finding counts:
#: where the peak does, what does not is too weak. Weaker ends are segments of their own.
_EDGE, _COUNTS = 0.5, 0.5
#: Tracks that are told with a segment, the longest first.
_TOLD = 8
#: An open stretch of twice so many entries is folded: two neighbours become one. It begins at one entry a
#: call, so that edges are exact to the call for minutes, and to a few calls in a stretch of an hour.
_ENTRIES = 4096
#: Segments of one kind that are kept, the strongest.
_MOST = 2000


def build_segments(
    findings: Sequence[tuple[int, Finding]], looks: FrameTimings, *, bridge: int
) -> list[Finding]:
    """Findings of one detector, each with the number of the call it came from, as segments: see `Joiner`."""
    joiner = SegmentBuilder(looks, bridge=bridge)
    by_look: dict[int, list[Finding]] = {}
    for look, finding in findings:
        by_look.setdefault(look, []).append(finding)
    for look in sorted(by_look):
        joiner.add(look, by_look[look])
    return joiner.segments()


class SegmentBuilder:
    """Joins the findings of one detector as they come.

    A segment holds together across at most `bridge` calls without a finding of its kind. Its score is
    its peak's; `frames` counts the frames within half of that, or that count where the peak does. Where
    more than one thing of the kind was to be seen, each is followed by its box, and told as a range of its
    own after the segment's.
    `looks` knows a call from when the next one is added on.
    """

    def __init__(self, looks: FrameTimings, *, bridge: int) -> None:
        self._looks = looks
        self._bridge = bridge
        self._kinds: dict[tuple[str, str, bool], _SegmentTrack] = {}

    def add(self, look: int, findings: Iterable[Finding]) -> None:
        """What was found in one call; calls come in order, those without a finding may be left out."""
        found: dict[tuple[str, str, bool], list[Finding]] = {}
        for finding in findings:
            kind = (finding.category, str(finding.attributes.get("kind", "")), finding.test_card)
            found.setdefault(kind, []).append(finding)
        for kind, same in found.items():
            if kind not in self._kinds:
                self._kinds[kind] = _SegmentTrack(self._looks, self._bridge)
            self._kinds[kind].add(look, same)

    def segments(self) -> list[Finding]:
        """Everything joined, in order of first frame. The end: nothing is added afterwards."""
        joined = [segment for kind in self._kinds.values() for segment in kind.segments()]
        return sorted(joined, key=_first)

    @property
    def dropped(self) -> int:
        """Segments that were dropped, because there were too many stronger ones of their kind."""
        return sum(kind.left_out for kind in self._kinds.values())


class _SegmentTrack:
    """What was seen of one kind: the segments that have ended, and the stretch that may go on."""

    def __init__(self, looks: FrameTimings, bridge: int) -> None:
        self._looks = looks
        self._bridge = bridge
        self._open: _OpenSegment | None = None
        self._ended: list[Finding] = []
        self.left_out = 0

    def add(self, look: int, same: Sequence[Finding]) -> None:
        if self._open is not None and look - self._open.last > self._bridge + 1:
            self._end()
        if self._open is None:
            self._open = _OpenSegment(self._bridge)
        self._open.add(look, same)

    def segments(self) -> list[Finding]:
        self._end()
        self._keep(_MOST)
        return self._ended

    def _end(self) -> None:
        if self._open is not None:
            self._ended += self._open.segments(self._looks)
            self._open = None
        if len(self._ended) > 2 * _MOST:
            self._keep(_MOST)

    def _keep(self, most: int) -> None:
        if len(self._ended) > most:
            self.left_out += len(self._ended) - most
            self._ended = sorted(self._ended, key=lambda one: -one.score)[:most]


def _least(peak: float) -> float:
    """What belongs to a segment with this peak: one frame that counts makes no many that do not."""
    return _COUNTS if peak >= _COUNTS else peak * _EDGE


class _OpenSegment:
    """Calls without too long a gap: the strongest finding of every entry as numbers, and how many."""

    def __init__(self, bridge: int) -> None:
        self._first = array("q")
        self._last = array("q")
        self._peak = array("q")
        #: Calls with a finding that the entry stands for.
        self._seen = array("q")
        self._counts = array("q")
        self._worded = array("q")
        self._scores = array("d")
        self._areas = array("d")
        self._boxes = array("d")
        self._wordings: dict[bytes, int] = {}
        self._findings: list[Finding] = []
        self._tracker = BoxTracker(bridge=bridge)

    @property
    def last(self) -> int:
        return self._last[-1]

    def add(self, look: int, same: Sequence[Finding]) -> None:
        best = max(same, key=lambda one: one.score)
        area = best.attributes.get("area")
        for numbers in (self._first, self._last, self._peak):
            numbers.append(look)
        self._seen.append(1)
        self._counts.append(len(same))
        self._worded.append(self._wording(best))
        self._scores.append(best.score)
        self._areas.append(float(area) if isinstance(area, int | float) else -1.0)
        self._boxes.extend(_box(best) or (0.0, 0.0, -1.0, -1.0))
        self._tracker.add(look, [(one.score, seen) for one in same if (seen := _box(one)) is not None])
        if len(self._scores) >= 2 * _ENTRIES:
            self._fold()

    def segments(self, looks: FrameTimings) -> list[Finding]:
        tracks = self._tracker.tracks()
        return [self._segment(first, last, looks, tracks) for first, last in self._cores()]

    def _wording(self, best: Finding) -> int:
        """The number under which the finding is kept, once for each way in which it is worded."""
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
        return self._wordings[key]

    def _fold(self) -> None:
        """Of every two entries one: from where to where both go, and the rest from the stronger."""
        pairs = range(0, len(self._scores) - 1, 2)
        stronger = [place + (self._scores[place + 1] > self._scores[place]) for place in pairs]
        self._first = array("q", (self._first[place] for place in pairs))
        self._last = array("q", (self._last[place + 1] for place in pairs))
        self._peak = array("q", (self._peak[place] for place in stronger))
        self._seen = array("q", (self._seen[place] + self._seen[place + 1] for place in pairs))
        self._counts = array("q", (max(self._counts[place], self._counts[place + 1]) for place in pairs))
        self._areas = array("d", (max(self._areas[place], self._areas[place + 1]) for place in pairs))
        self._scores = array("d", (self._scores[place] for place in stronger))
        self._boxes = array(
            "d", (side for place in stronger for side in self._boxes[4 * place : 4 * place + 4])
        )
        worded = [self._findings[self._worded[place]] for place in stronger]
        self._wordings, self._findings = {}, []
        self._worded = array("q", (self._wording(one) for one in worded))

    def _cores(self) -> list[tuple[int, int]]:
        """The stretch cut into parts that begin and end at no less than `_least` of their own peak."""
        todo, cores = [(0, len(self._scores))], []
        while todo:
            first, last = todo.pop()
            if first >= last:
                continue
            least = _least(max(self._scores[first:last]))
            one = next(place for place in range(first, last) if self._scores[place] >= least)
            other = next(place for place in range(last - 1, first - 1, -1) if self._scores[place] >= least)
            cores.append((one, other + 1))
            todo += [(first, one), (other + 1, last)]
        return cores

    def _segment(self, start: int, end: int, looks: FrameTimings, tracks: Sequence[Track]) -> Finding:
        peak = max(range(start, end), key=lambda place: self._scores[place])
        least = _least(self._scores[peak])
        worded = self._findings[self._worded[peak]]
        first, last = self._first[start], self._last[end - 1]
        attributes: dict[str, Attribute] = dict(worded.attributes)
        area = max(self._areas[start:end])
        if area >= 0:
            attributes["area"] = area
        attributes["frames"] = sum(
            seen
            for seen, score in zip(self._seen[start:end], self._scores[start:end], strict=True)
            if score >= least
        )
        attributes["count"] = max(self._counts[start:end])
        attributes["duration_s"] = round(looks[last].end_s - looks[first].start_s, 4)
        x, y, w, h = self._boxes[4 * peak : 4 * peak + 4]
        whole = _range(first, last, self._peak[peak], None if w < 0 else (x, y, w, h), looks)
        return Finding(
            category=worded.category,
            score=self._scores[peak],
            modality=Modality.FRAMES,
            detector=worded.detector,
            version=worded.version,
            reason=worded.reason,
            evidence=(whole, *_told(first, last, looks, tracks), *worded.evidence),
            attributes=attributes,
            test_card=worded.test_card,
        )


def _told(first: int, last: int, looks: FrameTimings, tracks: Sequence[Track]) -> Iterable[FrameRange]:
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
    return None if found is None else found.sides


def _range(
    first: int, last: int, peak: int, box: tuple[float, float, float, float] | None, looks: FrameTimings
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
