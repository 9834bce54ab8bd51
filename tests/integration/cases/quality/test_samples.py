"""Random samples of delivered videos: what was missed, by stratum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from safelight.accounts import KeyScope, Role
from safelight.cases.quality import (
    Draw,
    NewDraw,
    Quality,
    QualityResults,
    QualitySampler,
    SamplingRule,
    Stratum,
    draws,
)
from safelight.cases.quality.models import KEEP_ANSWERS_S
from safelight.cases.quality.review_quality import prevalence_figures
from safelight.core.errors import Conflict, InvalidField
from safelight.core.ids import new_id
from safelight.policy.findings import pack
from safelight.store import tables
from support.review_room import START, TENANT, ReviewRoom, reviewer
from support.verdicts import seen

VAULT = reviewer("val", Role.VAULT_OFFICER, KeyScope.VAULT)
LEAD = reviewer("lee", Role.TRUST_LEAD, KeyScope.REVIEW, KeyScope.POLICY)
ADA = reviewer("ada")
SENIOR = reviewer("sam", Role.SENIOR_REVIEWER)
WEEK = NewDraw(since=START - 7 * 86_400, until=START, per_stratum=2)


def deliver(room: ReviewRoom, category: str | None = None, *, ended_at: float = START - 60) -> str:
    video = room.add_video("a scene")
    room.change_video(video, state="delivered", ended_at=ended_at)
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            tables.findings,
            id=new_id("verdict"),
            video_id=video,
            stage="output",
            findings=pack((seen(category, 0.5),) if category else ()),
            coverage=b"[]",
            details=b"{}",
            created_at=ended_at,
        )
    return video


def draw(room: ReviewRoom, new: NewDraw = WEEK) -> Draw:
    return Quality(room.database).draw(LEAD, new)


def sampler(room: ReviewRoom) -> QualitySampler:
    return QualitySampler(room.database, SamplingRule())


def test_a_sample_is_drawn_from_each_stratum_and_severe_ones_go_to_senior_reviewers(room: ReviewRoom) -> None:
    for _ in range(5):
        deliver(room)
    deliver(room, "ip/brand")
    severe = deliver(room, "extremism")
    deliver(room, "violence", ended_at=WEEK.since - 1)
    drawn = draw(room)
    counts = {row.stratum: (row.delivered, row.drawn) for row in drawn.strata}
    assert counts == {
        Stratum.NO_FINDING: (5, 2),
        Stratum.LIGHT: (1, 1),
        Stratum.MODERATE: (0, 0),
        Stratum.SEVERE: (1, 1),
    }
    taken = []
    while (case := room.queue.take_next(ADA)) is not None:
        taken.append(case.video_id)
        room.decide(ADA, case, "against_policy" if len(taken) == 1 else "in_policy")
    assert len(taken) == 3
    assert room.take(SENIOR).video_id == severe
    (drawn,) = QualityResults(room.database).list_draws(LEAD)
    assert drawn.strata[0].answered == 2
    assert sum(row.found for row in drawn.strata) == 1
    figures = prevalence_figures(drawn)
    assert {row["rate"] for row in figures["strata"]} == {None}
    assert {row["found"] for row in figures["strata"]} == {None}
    assert room.actions.applied == []


def test_the_answers_of_a_sample_stay_without_the_person(room: ReviewRoom) -> None:
    deliver(room)
    draw(room)
    room.decide(ADA, room.take(ADA), "in_policy")
    room.clock.now += KEEP_ANSWERS_S + 1
    sampler(room).delete_old_answers()
    (drawn,) = QualityResults(room.database).list_draws(LEAD)
    assert sum(row.answered for row in drawn.strata) == 1
    assert [row.person for row in room.stored(tables.quality_answers)] == [None]


@pytest.mark.parametrize("change", [{"deleted_at": START}, {"quarantined": True}], ids=str)
def test_a_video_that_is_deleted_or_quarantined_later_leaves_the_queue(
    room: ReviewRoom, change: dict[str, Any]
) -> None:
    video = deliver(room)
    draw(room)
    room.change_video(video, **change)
    sampler(room).close_overdue()
    assert room.queue.take_next(ADA) is None


def test_a_time_that_is_not_over_is_refused(room: ReviewRoom) -> None:
    for until, count, problem in ((START + 10, 2, "be over"), (START, 0, "per_stratum")):
        with pytest.raises(InvalidField, match=problem):
            draw(room, NewDraw(since=START - 10, until=until, per_stratum=count))


def test_only_the_vault_officer_gets_a_quarantined_video_of_a_sample(room: ReviewRoom) -> None:
    released, vaulted = deliver(room, "sexual"), deliver(room)
    room.change_video(released, quarantined=True)
    room.change_video(vaulted, vaulted=True)
    assert sum(row.drawn for row in draw(room).strata) == 1
    assert room.queue.take_next(ADA) is None
    assert room.listed() == []
    case = room.take(VAULT)
    assert (case.video_id, case.quarantined) == (released, True)


def test_a_large_sample_is_opened_in_parts_and_each_review_once(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "BATCH", 2)
    for _ in range(20):
        deliver(room)
    (stratum, *_) = draw(room, replace(WEEK, per_stratum=20)).strata
    assert stratum.drawn == 20
    assert room.reviews.count_open(ADA) == 8
    for _ in range(2):
        sampler(room).open_samples()
    assert room.reviews.count_open(ADA) == 20
    assert [row.waiting for row in room.stored(tables.quality_draws)] == [None]


def test_a_repeated_request_does_not_draw_again_while_the_sample_is_open(room: ReviewRoom) -> None:
    deliver(room)
    draw(room)
    with pytest.raises(Conflict, match="open already"):
        draw(room)
    room.decide(ADA, room.take(ADA), "in_policy")
    assert draw(room).strata[0].drawn == 1
