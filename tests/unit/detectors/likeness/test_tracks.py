from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.likeness.tracks import FaceBox, FaceDetection, best_frames, track_faces

LEFT, RIGHT = FaceBox(0.1, 0.2, 0.2, 0.3), FaceBox(0.7, 0.2, 0.2, 0.3)


def moved(box: FaceBox, by: float) -> FaceBox:
    return box._replace(x=box.x + by)


def test_a_face_that_stays_is_one_track_and_two_are_two() -> None:
    found = track_faces([[LEFT, RIGHT], [moved(RIGHT, 0.02), moved(LEFT, 0.02)], [LEFT]])
    assert [[spot.keyframe for spot in track] for track in found] == [[0, 1, 2], [0, 1]]


def test_a_face_somewhere_else_is_another_track() -> None:
    assert len(track_faces([[LEFT], [RIGHT]])) == 2
    assert len(track_faces([[LEFT], [], [LEFT]])) == 2


def test_a_track_is_represented_by_its_first_largest_and_last_face() -> None:
    large = FaceBox(0.1, 0.2, 0.3, 0.4)
    track = [FaceDetection(0, LEFT), FaceDetection(1, large), FaceDetection(2, LEFT), FaceDetection(3, LEFT)]
    assert best_frames(track) == (track[0], track[1], track[3])
    assert best_frames(track[:1]) == (track[0],)


boxes = st.builds(
    FaceBox,
    *(st.floats(0, 0.7, allow_nan=False) for _ in range(2)),
    *(st.floats(0.01, 0.3) for _ in range(2)),
)


@given(st.lists(st.lists(boxes, max_size=4), max_size=6))
def test_every_face_is_in_one_track_with_at_most_one_face_per_keyframe(stills: list[list[FaceBox]]) -> None:
    found = track_faces(stills)
    spots = [spot for track in found for spot in track]
    assert sorted(spots) == sorted(FaceDetection(n, box) for n, some in enumerate(stills) for box in some)
    for track in found:
        numbers = [spot.keyframe for spot in track]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
