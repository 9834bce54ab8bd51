"""Marking ends as soon as it is clear that the time is not enough."""

from __future__ import annotations

import pytest

from safelight.provenance.watermark.clip_marking import CannotBeMarked, MarkingTime, Obstacle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _frames_until_the_end(*, frame_s: float, total: int, budget_s: float) -> int | None:
    """Frames that are encoded before the marking is given up; None if it is not."""
    clock = Clock()
    limit = MarkingTime(budget_s, clock)
    for done in range(total):
        try:
            limit.check_encoding(done, total)
        except CannotBeMarked:
            return done
        clock.now += frame_s
    return None


def test_a_clip_that_fits_is_marked_to_its_end() -> None:
    assert _frames_until_the_end(frame_s=0.045, total=18_000, budget_s=900.0) is None


def test_a_clip_that_does_not_fit_is_given_up_after_the_measured_frames() -> None:
    given_up = _frames_until_the_end(frame_s=0.137, total=18_000, budget_s=900.0)
    assert given_up == MarkingTime.MEASURED


def test_a_clip_of_unknown_length_is_given_up_when_the_time_is_over() -> None:
    clock = Clock()
    limit = MarkingTime(5.0, clock)
    limit.check_encoding(1000, 0)
    clock.now += 5.1
    with pytest.raises(CannotBeMarked):
        limit.check_encoding(1001, 0)


def test_reading_the_clip_counts_too() -> None:
    clock = Clock()
    limit = MarkingTime(5.0, clock)
    limit.check()
    clock.now += 5.1
    with pytest.raises(CannotBeMarked) as given_up:
        limit.check()
    assert given_up.value.obstacle is Obstacle.TIME
