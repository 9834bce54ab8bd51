"""Joins findings of single frames into segments and object tracks: one finding per time span. Pure.

The memory stays limited for videos of several hours: a segment that has ended is converted to a finding at
once, and an open segment keeps only a few numbers per call, later per group of calls.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from safelight.detectors.box_tracker import BoxTracker, Track
from safelight.policy.findings import Attribute, Finding, FrameRange, ImageBox, Modality

#: A segment begins and ends with a frame whose score is at least `_MIN_COUNTED_SCORE`, or, if the peak is
#: lower, at least `_EDGE_FRACTION` of the peak. Weaker frames before and after become segments of their own.
_EDGE_FRACTION, _MIN_COUNTED_SCORE = 0.5, 0.5
#: Maximum number of tracks reported with a segment; the longest are kept.
_MAX_TRACKS_PER_SEGMENT = 8
#: When an open segment has twice this many entries, each two neighbouring entries are merged into one. Each
#: entry starts as one call, so the ends of a segment are exact for some minutes, and within a few calls for
#: an hour.
_FOLD_ENTRIES = 4096
#: Maximum number of segments kept per kind; those with the highest scores are kept.
_MAX_SEGMENTS_PER_KIND = 2000


@dataclass(frozen=True, kw_only=True)
class FrameTiming:
    """Timing of a frame that a detector inspected: its number, its start, and the start of the next frame."""

    frame: int
    start_s: float
    end_s: float


class FrameTimings(Protocol):
    """The timing of each frame that a detector inspected, indexed by the number of the detector call."""

    def __getitem__(self, call: int, /) -> FrameTiming: ...


def build_segments(
    findings: Sequence[tuple[int, Finding]], timings: FrameTimings, *, bridge: int
) -> list[Finding]:
    """Build segments from the findings of one detector, each with its call number: see `SegmentBuilder`."""
    builder = SegmentBuilder(timings, bridge=bridge)
    by_call: dict[int, list[Finding]] = {}
    for call, finding in findings:
        by_call.setdefault(call, []).append(finding)
    for call in sorted(by_call):
        builder.add(call, by_call[call])
    return builder.segments()


def kind_and_voice(finding: Finding) -> tuple[str, str]:
    """What was seen, and the model that saw it: findings that differ in these are no duplicates."""
    return str(finding.attributes.get("kind", "")), str(finding.attributes.get("voice", ""))


class SegmentBuilder:
    """Joins the findings of one detector into segments, one call at a time.

    A segment continues over at most `bridge` calls without a finding of its kind. Its score is the score of
    its peak; its attribute `frames` counts the frames that belong to it. If several objects of the kind are
    visible, each object is tracked by its box and reported as one more frame range of the segment.
    `timings` must have the timing of a call before the findings of the next call are added.
    """

    def __init__(self, timings: FrameTimings, *, bridge: int) -> None:
        self._timings = timings
        self._bridge = bridge
        self._tracks: dict[tuple[str, str, str, bool], _SegmentTrack] = {}

    def add(self, call: int, findings: Iterable[Finding]) -> None:
        """Add the findings of one call. Add calls in order; calls without findings may be omitted."""
        by_kind: dict[tuple[str, str, str, bool], list[Finding]] = {}
        for finding in findings:
            kind = (finding.category, *kind_and_voice(finding), finding.test_card)
            by_kind.setdefault(kind, []).append(finding)
        for kind, group in by_kind.items():
            if kind not in self._tracks:
                self._tracks[kind] = _SegmentTrack(self._timings, self._bridge)
            self._tracks[kind].add(call, group)

    def segments(self) -> list[Finding]:
        """All segments, ordered by their first frame. Call it once, at the end."""
        segments = [segment for track in self._tracks.values() for segment in track.segments()]
        return sorted(segments, key=_sort_key)

    @property
    def dropped(self) -> int:
        """Number of segments that were dropped, because their kind had too many with higher scores."""
        return sum(track.dropped for track in self._tracks.values())


class _SegmentTrack:
    """The segments of one kind: those that have ended, and the one that is open."""

    def __init__(self, timings: FrameTimings, bridge: int) -> None:
        self._timings = timings
        self._bridge = bridge
        self._open: _OpenSegment | None = None
        self._ended: list[Finding] = []
        self.dropped = 0

    def add(self, call: int, findings: Sequence[Finding]) -> None:
        if self._open is not None and call - self._open.last > self._bridge + 1:
            self._close_segment()
        if self._open is None:
            self._open = _OpenSegment(self._bridge)
        self._open.add(call, findings)

    def segments(self) -> list[Finding]:
        self._close_segment()
        self._keep_strongest(_MAX_SEGMENTS_PER_KIND)
        return self._ended

    def _close_segment(self) -> None:
        if self._open is not None:
            self._ended += self._open.segments(self._timings)
            self._open = None
        if len(self._ended) > 2 * _MAX_SEGMENTS_PER_KIND:
            self._keep_strongest(_MAX_SEGMENTS_PER_KIND)

    def _keep_strongest(self, count: int) -> None:
        if len(self._ended) > count:
            self.dropped += len(self._ended) - count
            self._ended = sorted(self._ended, key=lambda finding: -finding.score)[:count]


def _min_member_score(peak: float) -> float:
    """Minimum score of a frame that counts for a segment with this peak, or that begins or ends it."""
    return _MIN_COUNTED_SCORE if peak >= _MIN_COUNTED_SCORE else peak * _EDGE_FRACTION


class _OpenSegment:
    """A segment that may still continue.

    Each entry has the numbers of the strongest finding and the count of findings.
    """

    def __init__(self, bridge: int) -> None:
        self._first = array("q")
        self._last = array("q")
        self._peak = array("q")
        #: For each entry, the number of calls with a finding that it covers.
        self._calls_with_finding = array("q")
        self._counts = array("q")
        self._template_index = array("q")
        self._scores = array("d")
        self._areas = array("d")
        self._boxes = array("d")
        self._template_numbers: dict[bytes, int] = {}
        self._templates: list[Finding] = []
        self._tracker = BoxTracker(bridge=bridge)

    @property
    def last(self) -> int:
        return self._last[-1]

    def add(self, call: int, findings: Sequence[Finding]) -> None:
        strongest = max(findings, key=lambda finding: finding.score)
        area = strongest.attributes.get("area")
        for values in (self._first, self._last, self._peak):
            values.append(call)
        self._calls_with_finding.append(1)
        self._counts.append(len(findings))
        self._template_index.append(self._template(strongest))
        self._scores.append(strongest.score)
        self._areas.append(float(area) if isinstance(area, int | float) else -1.0)
        self._boxes.extend(_image_box(strongest) or (0.0, 0.0, -1.0, -1.0))
        self._tracker.add(
            call, [(finding.score, box) for finding in findings if (box := _image_box(finding)) is not None]
        )
        if len(self._scores) >= 2 * _FOLD_ENTRIES:
            self._fold()

    def segments(self, timings: FrameTimings) -> list[Finding]:
        tracks = self._tracker.tracks()
        return [self._segment(first, last, timings, tracks) for first, last in self._split()]

    def _template(self, finding: Finding) -> int:
        """Index of the finding without its score, boxes and area; equal ones are stored once."""
        template = msgspec.structs.replace(
            finding,
            score=0.0,
            evidence=tuple(part for part in finding.evidence if not isinstance(part, ImageBox)),
            attributes={name: value for name, value in finding.attributes.items() if name != "area"},
        )
        key = msgspec.msgpack.encode(template)
        if key not in self._template_numbers:
            self._template_numbers[key] = len(self._templates)
            self._templates.append(template)
        return self._template_numbers[key]

    def _fold(self) -> None:
        """Merge each two neighbouring entries into one.

        It covers the calls of both and has the larger count and area; the other values are those of the
        stronger entry.
        """
        pairs = range(0, len(self._scores) - 1, 2)
        stronger = [entry + (self._scores[entry + 1] > self._scores[entry]) for entry in pairs]
        self._first = array("q", (self._first[entry] for entry in pairs))
        self._last = array("q", (self._last[entry + 1] for entry in pairs))
        self._peak = array("q", (self._peak[entry] for entry in stronger))
        self._calls_with_finding = array(
            "q", (self._calls_with_finding[entry] + self._calls_with_finding[entry + 1] for entry in pairs)
        )
        self._counts = array("q", (max(self._counts[entry], self._counts[entry + 1]) for entry in pairs))
        self._areas = array("d", (max(self._areas[entry], self._areas[entry + 1]) for entry in pairs))
        self._scores = array("d", (self._scores[entry] for entry in stronger))
        self._boxes = array(
            "d", (side for entry in stronger for side in self._boxes[4 * entry : 4 * entry + 4])
        )
        templates = [self._templates[self._template_index[entry]] for entry in stronger]
        self._template_numbers, self._templates = {}, []
        self._template_index = array("q", (self._template(template) for template in templates))

    def _split(self) -> list[tuple[int, int]]:
        """Cut the segment into parts that begin and end at or above `_min_member_score` of their own peak."""
        remaining, parts = [(0, len(self._scores))], []
        while remaining:
            first, last = remaining.pop()
            if first >= last:
                continue
            min_score = _min_member_score(max(self._scores[first:last]))
            start = next(entry for entry in range(first, last) if self._scores[entry] >= min_score)
            end = next(entry for entry in range(last - 1, first - 1, -1) if self._scores[entry] >= min_score)
            parts.append((start, end + 1))
            remaining += [(first, start), (end + 1, last)]
        return parts

    def _segment(self, start: int, end: int, timings: FrameTimings, tracks: Sequence[Track]) -> Finding:
        peak = max(range(start, end), key=lambda entry: self._scores[entry])
        min_score = _min_member_score(self._scores[peak])
        template = self._templates[self._template_index[peak]]
        first, last = self._first[start], self._last[end - 1]
        attributes: dict[str, Attribute] = dict(template.attributes)
        area = max(self._areas[start:end])
        if area >= 0:
            attributes["area"] = area
        attributes["frames"] = sum(
            calls
            for calls, score in zip(self._calls_with_finding[start:end], self._scores[start:end], strict=True)
            if score >= min_score
        )
        attributes["count"] = max(self._counts[start:end])
        attributes["duration_s"] = round(timings[last].end_s - timings[first].start_s, 4)
        x, y, w, h = self._boxes[4 * peak : 4 * peak + 4]
        span = _frame_range(first, last, self._peak[peak], None if w < 0 else (x, y, w, h), timings)
        return Finding(
            category=template.category,
            score=self._scores[peak],
            modality=Modality.FRAMES,
            detector=template.detector,
            version=template.version,
            basis=template.basis,
            point=template.point,
            reason=template.reason,
            evidence=(span, *_track_ranges(first, last, timings, tracks), *template.evidence),
            attributes=attributes,
            test_card=template.test_card,
        )


def _track_ranges(
    first: int, last: int, timings: FrameTimings, tracks: Sequence[Track]
) -> Iterable[FrameRange]:
    inside = [track for track in tracks if track.first >= first and track.last <= last]
    if len(inside) < 2:
        return ()
    longest = sorted(inside, key=lambda track: (track.first - track.last, track.first))[
        :_MAX_TRACKS_PER_SEGMENT
    ]
    return [
        _frame_range(track.first, track.last, track.peak, track.peak_box, timings)
        for track in sorted(longest, key=lambda track: (track.first, track.last))
    ]


def _image_box(finding: Finding) -> tuple[float, float, float, float] | None:
    box = next((part for part in finding.evidence if isinstance(part, ImageBox)), None)
    return None if box is None else box.sides


def _frame_range(
    first: int, last: int, peak: int, box: tuple[float, float, float, float] | None, timings: FrameTimings
) -> FrameRange:
    start, end = timings[first], timings[last]
    return FrameRange(
        first=start.frame,
        last=end.frame,
        start_s=round(start.start_s, 4),
        end_s=round(end.end_s, 4),
        peak=timings[peak].frame,
        box=None if box is None else ImageBox(x=box[0], y=box[1], w=box[2], h=box[3]),
    )


def _sort_key(finding: Finding) -> tuple[int, int, str]:
    span = finding.evidence[0]
    return (span.first, span.last, finding.category) if isinstance(span, FrameRange) else (0, 0, "")
