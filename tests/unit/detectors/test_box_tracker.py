from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.box_tracker import Box, BoxTracker, intersection_over_union
from safelight.policy.findings import Finding, FrameRange, ImageBox
from safelight.screening.scanning.segments import FrameTiming, build_segments
from support.verdicts import seen

BOXES = st.tuples(st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0.05, 0.2), st.floats(0.05, 0.2))


def test_two_objects_that_pass_each_other_keep_their_tracks() -> None:
    tracker = BoxTracker(bridge=2)
    for look in range(20):
        tracker.add(look, [(0.8, (0.03 * look, 0.1, 0.2, 0.2)), (0.6, (0.6 - 0.03 * look, 0.5, 0.2, 0.2))])
    one, other = tracker.tracks()
    assert (one.first, one.last, one.count) == (0, 19, 20)
    assert {one.last_box[1], other.last_box[1]} == {0.1, 0.5}


def test_an_object_that_is_gone_too_long_gets_a_new_track() -> None:
    tracker = BoxTracker(bridge=2)
    for look in (0, 1, 4, 9):
        tracker.add(look, [(0.5, (0.1, 0.1, 0.2, 0.2))])
    assert [(track.first, track.last) for track in tracker.tracks()] == [(0, 4), (9, 9)]


@given(calls=st.lists(st.lists(st.tuples(st.floats(0, 1), BOXES), max_size=4), max_size=25))
def test_every_box_is_in_exactly_one_track(calls: list[list[tuple[float, Box]]]) -> None:
    tracker = BoxTracker(bridge=1)
    for look, boxes in enumerate(calls):
        tracks = tracker.add(look, boxes)
        assert len({id(track) for track in tracks}) == len(boxes)
        assert all(track.last_box == box for track, (_score, box) in zip(tracks, boxes, strict=True))
    assert sum(track.count for track in tracker.tracks()) == sum(len(boxes) for boxes in calls)


@given(one=BOXES, other=BOXES)
def test_overlap_is_symmetric_and_at_most_one(one: Box, other: Box) -> None:
    assert 0 <= intersection_over_union(one, other) == intersection_over_union(other, one) <= 1.0000001


def test_a_segment_counts_its_tracks() -> None:
    def face(x: float) -> Finding:
        place = ImageBox(x=x, y=0.1, w=0.2, h=0.2)
        return seen("likeness", 0.8, "frames", evidence=(place,), kind="face", area=0.04)

    looks = [FrameTiming(frame=frame, start_s=frame / 10, end_s=(frame + 1) / 10) for frame in range(10)]
    found = [(frame, face(0.1)) for frame in range(10)] + [(frame, face(0.6)) for frame in range(4, 8)]
    [segment] = build_segments(found, looks, bridge=1)
    ranges = [(place.first, place.last) for place in segment.evidence if isinstance(place, FrameRange)]
    assert ranges == [(0, 9), (0, 9), (4, 7)]
    assert segment.attributes["count"] == 2
