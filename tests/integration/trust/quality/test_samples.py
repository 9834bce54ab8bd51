"""Random samples of delivered videos: what was missed, by stratum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight import canonical_json
from safelight.errors import Conflict, InvalidField
from safelight.ids import new_id
from safelight.store import tables
from safelight.trust.accounts import KeyScope, Role
from safelight.trust.quality import (
    NewDraw,
    Quality,
    QualityResults,
    QualitySampler,
    SamplingRule,
    Stratum,
    draws,
)
from safelight.trust.quality.models import KEEP_ANSWERS_S
from safelight.trust.quality.review_quality import prevalence_figures
from support.review_room import START, TENANT, ReviewRoom, reviewer

VAULT = reviewer("val", Role.VAULT_OFFICER, KeyScope.VAULT)
LEAD = reviewer("lee", Role.TRUST_LEAD, KeyScope.REVIEW, KeyScope.POLICY)
ADA = reviewer("ada")
SENIOR = reviewer("sam", Role.SENIOR_REVIEWER)
WEEK = NewDraw(since=START - 7 * 86_400, until=START, per_stratum=2)


def deliver(room: ReviewRoom, category: str | None = None, *, ended_at: float = START - 60) -> str:
    video = room.add_video("a scene")
    found = {
        "category": category,
        "score": 0.5,
        "modality": "frames",
        "detector": "test",
        "version": "1",
        "reason": "A test.",
    }
    with room.database.transaction(TENANT) as tx:
        tx.update(tables.videos, tables.videos.c.id == video, state="delivered", ended_at=ended_at)
        tx.insert(
            tables.findings,
            id=new_id("verdict"),
            video_id=video,
            stage="output",
            findings=canonical_json.encode([found] if category else []),
            coverage=b"[]",
            details=b"{}",
            created_at=ended_at,
        )
    return video


def test_a_sample_is_drawn_from_each_stratum_and_severe_ones_go_to_senior_reviewers(room: ReviewRoom) -> None:
    for _ in range(5):
        deliver(room)
    deliver(room, "ip/brand")
    severe = deliver(room, "extremism")
    deliver(room, "violence", ended_at=WEEK.since - 1)
    drawn = Quality(room.database).draw(LEAD, WEEK)
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
    case = room.queue.take_next(SENIOR)
    assert case is not None
    assert case.video_id == severe
    (draw,) = QualityResults(room.database).list_draws(LEAD)
    assert draw.strata[0].answered == 2
    assert sum(row.found for row in draw.strata) == 1
    figures = prevalence_figures(draw)
    assert {row["rate"] for row in figures["strata"]} == {None}
    assert {row["found"] for row in figures["strata"]} == {None}
    assert room.actions.applied == []


def test_the_answers_of_a_sample_stay_without_the_person(room: ReviewRoom) -> None:
    deliver(room)
    Quality(room.database).draw(LEAD, WEEK)
    case = room.queue.take_next(ADA)
    assert case is not None
    room.decide(ADA, case, "in_policy")
    room.clock.now += KEEP_ANSWERS_S + 1
    QualitySampler(room.database, SamplingRule()).delete_old_answers()
    (draw,) = QualityResults(room.database).list_draws(LEAD)
    assert sum(row.answered for row in draw.strata) == 1
    with room.database.read_transaction(TENANT) as tx:
        assert [row.person for row in tx.select(tables.quality_answers)] == [None]


def test_a_deleted_video_leaves_the_queue(room: ReviewRoom) -> None:
    video = deliver(room)
    Quality(room.database).draw(LEAD, WEEK)
    with room.database.transaction(TENANT) as tx:
        tx.update(tables.videos, tables.videos.c.id == video, deleted_at=tx.now())
    QualitySampler(room.database, SamplingRule()).close_overdue()
    assert room.queue.take_next(ADA) is None


def test_a_time_that_is_not_over_is_refused(room: ReviewRoom) -> None:
    with pytest.raises(InvalidField, match="be over"):
        Quality(room.database).draw(LEAD, NewDraw(since=START - 10, until=START + 10, per_stratum=2))
    with pytest.raises(InvalidField, match="per_stratum"):
        Quality(room.database).draw(LEAD, NewDraw(since=START - 10, until=START, per_stratum=0))


def test_only_the_vault_officer_gets_a_quarantined_video_of_a_sample(room: ReviewRoom) -> None:
    released, vaulted = deliver(room, "sexual"), deliver(room)
    with room.database.transaction(TENANT) as tx:
        tx.update(tables.videos, tables.videos.c.id == released, quarantined=True)
        tx.update(tables.videos, tables.videos.c.id == vaulted, vaulted=True)
    drawn = Quality(room.database).draw(LEAD, WEEK)
    assert sum(row.drawn for row in drawn.strata) == 1
    assert room.queue.take_next(ADA) is None
    assert room.reviews.list(ADA).cases == ()
    case = room.queue.take_next(VAULT)
    assert case is not None
    assert (case.video_id, case.quarantined) == (released, True)


def test_a_review_of_a_video_that_is_quarantined_later_is_closed(room: ReviewRoom) -> None:
    video = deliver(room)
    Quality(room.database).draw(LEAD, WEEK)
    with room.database.transaction(TENANT) as tx:
        tx.update(tables.videos, tables.videos.c.id == video, quarantined=True)
    QualitySampler(room.database, SamplingRule()).close_overdue()
    assert room.queue.take_next(ADA) is None


def test_a_large_sample_is_opened_in_parts_and_each_review_once(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "BATCH", 2)
    for _ in range(20):
        deliver(room)
    week = replace(WEEK, per_stratum=20)
    (stratum, *_) = Quality(room.database).draw(LEAD, week).strata
    assert stratum.drawn == 20
    assert room.reviews.count_open(ADA) == 8
    sampler = QualitySampler(room.database, SamplingRule())
    for _ in range(2):
        sampler.open_samples()
    assert room.reviews.count_open(ADA) == 20
    with room.database.read_transaction(TENANT) as tx:
        assert [row.waiting for row in tx.select(tables.quality_draws)] == [None]


def test_a_repeated_request_does_not_draw_again_while_the_sample_is_open(room: ReviewRoom) -> None:
    deliver(room)
    quality = Quality(room.database)
    quality.draw(LEAD, WEEK)
    with pytest.raises(Conflict, match="open already"):
        quality.draw(LEAD, WEEK)
    case = room.queue.take_next(ADA)
    assert case is not None
    room.decide(ADA, case, "in_policy")
    assert quality.draw(LEAD, WEEK).strata[0].drawn == 1
