"""The moments at which the page of a case opens."""

from __future__ import annotations

from typing import Any

from safelight.policy.findings import Basis, Finding, TextSpan, TimeRange
from safelight.videos.case_rows import CaseKind
from safelight.videos.models import VideoRecord
from safelight.web.console.case_moments import MAX_MOMENTS, Moment, list_moments
from support.cases import a_case, flagged, frames
from support.fake_api_server import a_video
from support.verdicts import seen


def moments(*findings: Finding, kind: CaseKind = CaseKind.HOLD, **details: Any) -> tuple[Moment, ...]:
    scan = flagged(*findings, **details)
    record = VideoRecord(video=a_video(), stages=(scan,), attempts=(), seal=None, audit_log=())
    return list_moments(a_case(category="violence", kind=kind), record)


def test_the_first_moment_is_the_peak_of_the_category_of_the_case() -> None:
    found = moments(
        seen("hate", 0.99, "frames", evidence=(frames(0.0, 0.5, peak=2),)),
        seen("violence", 0.7, "audio", evidence=(TimeRange(start_s=30.0, end_s=31.0),)),
        seen("violence", 0.6, "frames", evidence=(frames(50.0, 59.9, peak=479),)),
        seen("violence", 0.9, "text", evidence=(TextSpan(field="prompt", start=0, end=3),)),
    )
    # The last frame of the clip, then the sound, whose frame is the one at its start.
    assert [(one.category, one.frame, one.is_sound) for one in found] == [
        ("violence", 479, False),
        ("violence", 240, True),
        ("hate", 2, False),
    ]


def test_one_place_is_listed_once_for_a_category_and_the_list_is_short() -> None:
    same = [
        seen("violence", 0.5 + n / 100, "frames", evidence=(frames(1.0, 2.0, peak=8 + n),)) for n in range(5)
    ]
    assert [one.frame for one in moments(*same)] == [12]
    many = [
        seen("violence", 0.5, "frames", evidence=(frames(2.0 * n, 2.0 * n, peak=16 * n),)) for n in range(20)
    ]
    assert len(moments(*many)) == MAX_MOMENTS


def test_a_finding_that_the_page_shows_nowhere_else_is_no_moment() -> None:
    """A learned one of a category that does not count as checked, on which the verdict does not rest."""
    places = (frames(0.0, 0.5, peak=2),)
    learned = seen("violence", 0.6, "frames", basis=Basis.LEARNED, evidence=places)
    assert moments(learned) == ()
    assert [one.frame for one in moments(learned, seen("hate", 0.9, "frames", evidence=places))] == [2]


def test_a_quality_review_and_a_clip_that_was_not_scanned_have_none() -> None:
    found = seen("violence", 0.9, "frames", evidence=(frames(0.0, 0.5, peak=2),))
    assert moments(found, kind=CaseKind.QUALITY) == ()
    assert moments(found, facts={}) == ()
