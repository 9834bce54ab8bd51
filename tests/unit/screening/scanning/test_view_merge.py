from __future__ import annotations

import pytest

from safelight.policy.findings import Attribute, Finding, FrameRange, Modality
from safelight.screening.scanning.report import WorkerResult
from safelight.screening.scanning.worker import merge_views


def found(first: int, last: int, score: float = 0.8, **attributes: Attribute) -> WorkerResult:
    frames = last - first + 1
    one = Finding(
        category="violence",
        score=score,
        modality=Modality.FRAMES,
        detector="d",
        version="1",
        reason="r",
        evidence=(FrameRange(first=first, last=last, start_s=first / 10, end_s=(last + 1) / 10, peak=first),),
        attributes={"frames": frames, "duration_s": frames / 10, "area": 0.5, **attributes},
    )
    return WorkerResult(findings=(one,), texts=(), runs=())


def merged(stored: WorkerResult, other: WorkerResult) -> int:
    return len(merge_views(stored, [other]).findings)


def test_a_finding_of_another_view_that_a_known_one_covers_is_left_out() -> None:
    assert merged(found(0, 99), found(0, 99)) == 1
    assert merged(found(0, 99), found(20, 40, area=0.2)) == 1


def test_a_long_finding_of_another_view_is_kept_beside_a_short_one() -> None:
    assert merged(found(10, 10), found(0, 199)) == 2


@pytest.mark.parametrize("attributes", [{"frames": 200}, {"duration_s": 20.0}, {"area": 0.9}])
def test_a_finding_of_another_view_with_more_of_it_is_kept(attributes: dict[str, Attribute]) -> None:
    assert merged(found(0, 99), found(0, 99, **attributes)) == 2


def test_a_finding_of_another_view_with_a_higher_score_is_kept() -> None:
    assert merged(found(0, 99), found(0, 99, score=0.9)) == 2


def test_a_finding_that_begins_before_the_known_one_is_kept() -> None:
    assert merged(found(5, 99), found(0, 20)) == 2
