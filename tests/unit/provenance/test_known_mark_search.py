"""The search among registered pictures: all get a first look, and its time ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from safelight.media.sandbox.confinement import Limits
from safelight.provenance.fingerprints.fingerprint_index import MAX_SHORTLIST
from safelight.provenance.fingerprints.picture_comparison import (
    MIN_AGREEING,
    RegisteredPicture,
    SearchedPictures,
)
from safelight.provenance.recovery.known_mark_search import KnownPicture, SearchBudget, search_known
from safelight.provenance.recovery.recovery import KNOWN_LIMITS, KNOWN_S, MARKED_LIMITS, MOMENTS_S
from safelight.provenance.watermark.residual import ResidualSums
from safelight.provenance.watermark_service import SEARCH_S
from safelight.videos.registry import ANSWER_AFTER_S

#: Longest steps of a search, in seconds, as measured with a clip of 720p: a first look, a registration.
LOOK_S, REGISTER_S = 0.25, 2.0
#: Seconds for reading and hashing the frames, and for starting five children.
OTHER_S = 3.0
#: Last step of the search for a mark of any id: it ends between two tries of a geometry.
BLIND_STEP_S = 0.5


class Machine:
    """A file that shows one of the pictures, on a machine with a clock of its own."""

    def __init__(self, right: int, *, look_s: float = LOOK_S) -> None:
        self.now = 0.0
        self._right = right
        self._look_s = look_s

    def count_agreeing(self, picture: RegisteredPicture, *, mirrored: bool) -> int:
        self.now += self._look_s
        return 2 * MIN_AGREEING if picture.step_s == self._right and not mirrored else 3

    def register(self, picture: RegisteredPicture) -> Sequence[Any]:
        self.now += REGISTER_S
        return ["here"] if picture.step_s == self._right else []

    def as_whole(self, _picture: RegisteredPicture) -> Sequence[Any]:
        self.now += REGISTER_S
        return []

    def search(self) -> list[Any]:
        pictures = [RegisteredPicture(thumbnails=(), step_s=number) for number in range(MAX_SHORTLIST)]
        known = [
            KnownPicture(picture=one, content_id=1, seed=None if one.step_s == self._right else bytes(32))
            for one in pictures
        ]
        budget = SearchBudget(KNOWN_S, lambda: self.now)
        return search_known(cast(SearchedPictures, self), ResidualSums, known, budget)


@pytest.mark.parametrize("right", [0, 2, 14])
def test_the_origin_is_found_also_behind_other_similar_videos(right: int) -> None:
    results = Machine(right).search()
    assert [number for number, one in enumerate(results) if one.agrees] == [right]


def test_a_picture_that_was_not_reached_is_said_not_to_be() -> None:
    results = Machine(19, look_s=1.0).search()
    assert not any(one.agrees for one in results)
    assert results[0].was_reached
    assert not results[19].was_reached


@pytest.mark.parametrize("right", [0, 19, -1])
def test_the_slowest_search_ends_before_the_answer_is_given(right: int) -> None:
    machine = Machine(right)
    machine.search()
    assert machine.now <= KNOWN_S + REGISTER_S <= KNOWN_LIMITS.cpu_s


@pytest.mark.parametrize("second", [KNOWN_LIMITS, MARKED_LIMITS], ids=["no-mark-was-read", "a-mark-was-read"])
def test_all_steps_end_before_the_answer_is_given_whether_a_mark_was_read_or_not(second: Limits) -> None:
    assert SEARCH_S + BLIND_STEP_S + second.cpu_s + MOMENTS_S + OTHER_S <= ANSWER_AFTER_S
