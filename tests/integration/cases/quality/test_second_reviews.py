"""Second reviews: another person decides again without knowing the first decision."""

from __future__ import annotations

import pytest

from safelight.accounts import Role
from safelight.accounts.statements import (
    NO_GROUND,
    NewStatement,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.cases.inputs import DecisionRequest
from safelight.cases.quality import QualityResults, QualitySampler, SamplingRule
from safelight.cases.quality.models import KEEP_ANSWERS_S, REVIEW_DUE_S, Reconsidered
from safelight.cases.quality.results import count_reconsidered
from safelight.cases.reviews import ReviewQueue
from safelight.core.errors import NotFound
from safelight.policy.findings import SHIPPED
from safelight.store.tables import (
    appeals,
    audit_log,
    cases,
    decisions,
    quality_answers,
    quality_cases,
)
from safelight.videos.case_rows import Case, CaseKind, CaseState, ExposureLog
from support.review_room import TENANT, ReviewRoom, reviewer

ADA, BO, CLEO = reviewer("ada"), reviewer("bo"), reviewer("cleo")
SENIOR = reviewer("sam", Role.SENIOR_REVIEWER)


def all_again(room: ReviewRoom) -> QualitySampler:
    return QualitySampler(room.database, SamplingRule(second_review_rate=1.0))


def decided_case(room: ReviewRoom, prompt: str = "a scene") -> Case:
    case = room.open_case(prompt)
    room.decide(ADA, case, "refuse")
    return case


@pytest.fixture
def team(room: ReviewRoom) -> None:
    for who in (ADA, BO):
        room.enroll(who)


@pytest.fixture
def given(room: ReviewRoom, team: None) -> Case:
    """The second review of Ada's decision, which Bo has taken."""
    decided_case(room)
    all_again(room).open_second_reviews()
    return room.take(BO)


def test_only_another_person_gets_the_case_and_sees_no_decision(room: ReviewRoom, given: Case) -> None:
    all_again(room).open_second_reviews()
    assert room.queue.take_next(ADA) is None
    assert room.listed() == []
    assert [room.reviews.count_open(who) for who in (ADA, BO)] == [0, 1]
    assert (given.kind, given.rule, given.reason, given.is_blind) == (CaseKind.QUALITY, "", "", True)
    file = room.reviews.get(BO, given.id)
    assert (file.decision, file.pending, file.notes) == (None, None, ())
    with pytest.raises(NotFound):
        room.reviews.get(ADA, given.id)
    room.decide(BO, given, "in_policy")
    assert room.actions.applied == [("refuse", given.video_id)]
    assert room.reviews.get(BO, given.id).case.state is CaseState.DECIDED


@pytest.mark.both_databases
def test_decisions_that_no_other_person_can_review_take_no_write_lock_and_open_nothing(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.enroll(ADA)
    for number in range(3):
        decided_case(room, f"scene {number}")

    def write(tenant: str) -> None:
        raise AssertionError(f"a write transaction in {tenant}")

    with monkeypatch.context() as patch:
        patch.setattr(room.database, "transaction", write)
        all_again(room).open_second_reviews()
    assert room.stored(quality_cases) == []
    room.enroll(BO)
    all_again(room).open_second_reviews()
    assert room.reviews.count_open(BO) == 3


def test_the_answer_is_no_decision_and_not_in_the_log(room: ReviewRoom, given: Case) -> None:
    request = DecisionRequest(action="against_policy", reason="Quality review.")
    room.reviews.decide_with_undo(BO, given.id, request)
    room.reviews.undo(BO, given.id)
    room.reviews.decide_with_undo(BO, given.id, request)
    room.clock.now += 20
    room.executor.carry_out_due()
    assert len(room.stored(decisions)) == 1
    assert [row.answer for row in room.stored(quality_answers)] == ["against_policy"]
    assert {row.event for row in room.stored(audit_log)} == {"case.opened", "case.refuse"}
    (opened,) = room.stored(cases, cases.c.kind != CaseKind.QUALITY.value)
    assert opened.kind == CaseKind.HOLD.value


def test_both_people_see_whether_they_agreed(room: ReviewRoom, given: Case) -> None:
    room.decide(BO, given, "in_policy")
    results = QualityResults(room.database)
    (first,), (second,) = results.own_answers(ADA), results.own_answers(BO)
    assert (first.answer, first.expected) == ("against_policy", "in_policy")
    assert (second.answer, second.expected) == ("in_policy", "against_policy")
    assert results.own_answers(CLEO) == ()
    room.clock.now += KEEP_ANSWERS_S + REVIEW_DUE_S + 1
    assert results.own_answers(ADA) == ()
    all_again(room).delete_old_answers()
    assert room.stored(quality_answers) == room.stored(quality_cases) == []


@pytest.mark.both_databases
def test_decisions_that_were_judged_again_are_counted_unless_they_are_of_too_few_people(
    room: ReviewRoom, given: Case
) -> None:
    room.decide(BO, given, "in_policy")
    for action in ("overturn", "uphold", "uphold"):
        room.decide(SENIOR, room.open_case(f"an appeal, {action}", kind=CaseKind.APPEAL), action)
    with room.database.across_tenants("metrics", readonly=True) as tx:
        appeals = {Reconsidered.APPEAL: {True: 1, False: 2}}
        assert count_reconsidered(tx, 0.0) == appeals | {Reconsidered.SECOND: {True: 1}}
        assert count_reconsidered(tx, 0.0, min_people=2) == appeals
        assert not any(count_reconsidered(tx, room.clock.now + 1).values())


def test_a_nearly_used_exposure_budget_stops_quality_reviews_only(room: ReviewRoom, team: None) -> None:
    decided_case(room)
    all_again(room).open_second_reviews()
    log = ExposureLog(room.database, budget=10.0)
    room.queue = ReviewQueue(room.database, taxonomy=SHIPPED, exposure=log)
    other = room.open_case("another scene")
    view = log.begin_view(BO, other)
    room.clock.now += 3
    log.end_view(BO, view)
    assert room.take(BO).id == other.id
    room.decide(BO, other)
    assert room.queue.take_next(BO) is None


def test_an_unanswered_review_is_closed_after_a_week(room: ReviewRoom, given: Case) -> None:
    room.queue.release(BO, given.id)
    room.clock.now += REVIEW_DUE_S + 1
    all_again(room).close_overdue()
    assert room.queue.take_next(BO) is None


def test_a_rate_selects_a_part_of_the_decisions(room: ReviewRoom, team: None) -> None:
    for number in range(60):
        decided_case(room, f"scene {number}")
    QualitySampler(room.database, SamplingRule(second_review_rate=0.25)).open_second_reviews()
    assert 3 <= room.reviews.count_open(BO) <= 29


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(StatementKind.REPORT_REJECTED, "against_policy"), (StatementKind.WITHDRAWN, "in_policy")],
)
def test_an_overturned_appeal_of_a_reporter_means_that_the_video_is_against_the_policy(
    room: ReviewRoom, team: None, kind: StatementKind, expected: str
) -> None:
    case = room.open_case("a scene", kind=CaseKind.APPEAL)
    with room.database.transaction(TENANT) as tx:
        made = record_statement(
            tx,
            NewStatement(
                kind=kind,
                source=StatementSource.REPORT,
                ground=NO_GROUND,
                automated_detection=False,
                automated_decision=False,
                account="key_1",
                video_id=case.video_id,
            ),
        )
        tx.insert(
            appeals,
            id="a",
            statement_id=made.id,
            video_id=case.video_id,
            case_id=case.id,
            account="key_1",
            request_sha256="0",
            created_at=0.0,
        )
    room.decide(ADA, case, "overturn")
    all_again(room).open_second_reviews()
    assert [row.expected for row in room.stored(quality_cases)] == [expected]
