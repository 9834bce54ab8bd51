from __future__ import annotations

import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.findings import Finding, FrameRange, ImageBox
from safelight.screening.scanning import segments
from safelight.screening.scanning.segments import FrameTiming, SegmentBuilder, build_segments
from support.verdicts import seen

FPS = 24
KINDS = st.sampled_from([("sexual", "breast"), ("sexual", "buttocks"), ("likeness", "face")])
SEEN = st.lists(st.tuples(st.integers(0, 59), KINDS, st.floats(0.01, 1.0)), max_size=60)


def timings(count: int, step: int = 1) -> list[FrameTiming]:
    return [
        FrameTiming(frame=number * step, start_s=number * step / FPS, end_s=(number * step + 1) / FPS)
        for number in range(count)
    ]


def finding(score: float, category: str = "sexual", kind: str = "breast", area: float = 0.1) -> Finding:
    box = ImageBox(x=score / 2, y=0, w=0.1, h=0.1)
    return seen(category, score, "frames", evidence=(box,), kind=kind, area=area)


def span(segment: Finding) -> tuple[int, int]:
    return place(segment).first, place(segment).last


def place(segment: Finding) -> FrameRange:
    where = segment.evidence[0]
    assert isinstance(where, FrameRange)
    return where


@given(seen=SEEN, bridge=st.integers(0, 8))
def test_every_finding_is_in_a_segment_of_its_kind(
    seen: list[tuple[int, tuple[str, str], float]], bridge: int
) -> None:
    joined = build_segments(
        [(call, finding(score, *kind)) for call, kind, score in seen], timings(60), bridge=bridge
    )
    for call, (category, kind), _score in seen:
        assert any(
            segment.category == category
            and segment.attributes["kind"] == kind
            and place(segment).first <= call <= place(segment).last
            for segment in joined
        )


@given(seen=SEEN, bridge=st.integers(0, 8))
def test_segments_of_a_kind_do_not_overlap_and_know_their_peak(
    seen: list[tuple[int, tuple[str, str], float]], bridge: int
) -> None:
    joined = build_segments(
        [(call, finding(score, *kind)) for call, kind, score in seen], timings(60), bridge=bridge
    )
    taken: set[tuple[str, object, int]] = set()
    for segment in joined:
        where, kind = place(segment), segment.attributes["kind"]
        frames = {(segment.category, kind, frame) for frame in range(where.first, where.last + 1)}
        assert not frames & taken
        taken |= frames
        inside = [
            score
            for call, seen_kind, score in seen
            if seen_kind == (segment.category, kind) and where.first <= call <= where.last
        ]
        assert segment.score == max(inside)
        assert where.first <= where.peak <= where.last
        assert where.start_s < where.end_s
        counted = segment.attributes["frames"]
        assert isinstance(counted, int)
        assert 1 <= counted <= where.last - where.first + 1
        assert any(
            call == where.peak and score == segment.score
            for call, seen_kind, score in seen
            if seen_kind == (segment.category, kind)
        )


def test_a_single_frame_is_a_segment_of_one() -> None:
    [segment] = build_segments([(7, finding(0.9))], timings(20), bridge=6)
    assert place(segment) == FrameRange(
        first=7, last=7, start_s=0.2917, end_s=0.3333, peak=7, box=ImageBox(x=0.45, y=0, w=0.1, h=0.1)
    )
    assert (segment.attributes["frames"], segment.attributes["count"]) == (1, 1)


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    near = build_segments([(1, finding(0.6)), (8, finding(0.7))], timings(40), bridge=6)
    far = build_segments([(1, finding(0.6)), (9, finding(0.7))], timings(40), bridge=6)
    assert [span(one) for one in near] == [(1, 8)]
    assert [span(one) for one in far] == [(1, 1), (9, 9)]
    [sampled] = build_segments([(2, finding(0.6)), (3, finding(0.7))], timings(6, step=24), bridge=1)
    assert span(sampled) == (48, 72)


def test_a_weak_tail_does_not_make_a_strong_frame_last_longer() -> None:
    seen = [(frame, finding(0.31)) for frame in range(10, 20)] + [(9, finding(0.95))]
    strong, weak = build_segments(seen, timings(40), bridge=6)
    assert (span(strong), strong.attributes["frames"]) == ((9, 9), 1)
    assert (span(weak), weak.score) == ((10, 19), 0.31)


def test_one_strong_frame_does_not_count_many_weak_ones() -> None:
    seen = [(frame, finding(0.57 if frame == 15 else 0.4)) for frame in range(10, 30)]
    before, sure, after = build_segments(seen, timings(40), bridge=6)
    assert (span(sure), sure.attributes["frames"]) == ((15, 15), 1)
    assert (place(before).last, before.score, place(after).first, after.score) == (14, 0.4, 16, 0.4)
    # A weak frame between strong ones is bridged, but not counted.
    [dipped] = build_segments(
        [(4, finding(0.6)), (5, finding(0.4)), (6, finding(0.55))], timings(9), bridge=1
    )
    assert (span(dipped), dipped.attributes["frames"]) == ((4, 6), 2)


def test_two_of_a_kind_in_one_frame_are_counted_and_the_largest_area_stays() -> None:
    [segment] = build_segments(
        [(3, finding(0.8, area=0.1)), (3, finding(0.6, area=0.4)), (4, finding(0.7, area=0.2))],
        timings(9),
        bridge=1,
    )
    assert segment.attributes["count"] == 2
    assert segment.attributes["area"] == 0.2
    assert segment.score == 0.8


@given(seen=SEEN, bridge=st.integers(0, 8))
def test_folding_a_long_segment_loses_no_findings(
    seen: list[tuple[int, tuple[str, str], float]], bridge: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_FOLD_ENTRIES", 4)
        joined = build_segments(
            [(call, finding(score, *kind)) for call, kind, score in seen], timings(60), bridge=bridge
        )
    for call, (category, kind), score in seen:
        inside = [
            one
            for one in joined
            if (one.category, one.attributes["kind"]) == (category, kind)
            and place(one).first <= call <= place(one).last
        ]
        assert inside
        assert max(one.score for one in inside) >= score
    for one in joined:
        where = place(one)
        assert where.first <= where.peak <= where.last
        assert any(
            call == where.peak and score == one.score
            for call, kind, score in seen
            if kind == (one.category, one.attributes["kind"])
        )


def test_a_face_of_many_minutes_is_one_segment_with_its_peak_and_bounded_memory() -> None:
    count = 4 * segments._FOLD_ENTRIES + 11
    frames = timings(count)
    builder = SegmentBuilder(frames, bridge=6)
    sizes = []
    for call in range(count):
        one = finding(0.9 if call == 5000 else 0.6 + call % 7 / 100)
        attributes = {**one.attributes, "distance": call / count}
        builder.add(call, [msgspec.structs.replace(one, attributes=attributes)])
        if call in (2 * segments._FOLD_ENTRIES - 2, count - 1):
            sizes.append(len(pickle.dumps(builder)))
    assert sizes[1] <= sizes[0]
    [segment] = builder.segments()
    where = place(segment)
    assert (where.first, where.last, where.peak) == (0, count - 1, 5000)
    assert (segment.score, segment.attributes["frames"]) == (0.9, count)
    assert segment.attributes["distance"] == 5000 / count


def test_ended_segments_are_built_at_once() -> None:
    known: list[FrameTiming] = []
    builder = SegmentBuilder(known, bridge=1)
    for call in range(30):
        known.append(FrameTiming(frame=call, start_s=call / FPS, end_s=(call + 1) / FPS))
        if call % 10 < 3:
            builder.add(call, [finding(0.7)])
    # If the first segment were still open, it would get these times.
    known[:5] = [FrameTiming(frame=0, start_s=99, end_s=99)] * 5
    assert [span(one) for one in builder.segments()] == [(0, 2), (10, 12), (20, 22)]


def test_the_strongest_segments_are_kept_and_dropped_ones_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments, "_MAX_SEGMENTS_PER_KIND", 5)
    builder = SegmentBuilder(timings(200), bridge=0)
    for number in range(40):
        builder.add(4 * number, [finding((number + 1) / 40)])
    kept = builder.segments()
    assert [round(one.score * 40) for one in kept] == [36, 37, 38, 39, 40]
    assert builder.dropped == 35
