"""People who are involved in an appeal never get it: in the queue, in the service, in the database."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from safelight.accounts import Accounts, KeyScope, Role
from safelight.cases.inputs import DecisionRequest
from safelight.cases.quality import QualitySampler, SamplingRule
from safelight.cases.reviews.conflicts import record_conflicts
from safelight.core.errors import Forbidden
from safelight.core.ids import new_id
from safelight.store.tables import audit_log, audit_log_contents, people, reports, tenants
from safelight.videos.case_rows import Case, CaseKind, CaseState
from safelight.videos.case_rows.models import UNDO_S
from support.review_room import TENANT, ReviewRoom, reviewer

ADA, BO, CLEO = reviewer("ada"), reviewer("bo"), reviewer("cleo")
PROMPT = "a knife fight on a roof"


def report(room: ReviewRoom, video_id: str, case_id: str = "case_x") -> None:
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            reports,
            id=new_id("report"),
            video_id=video_id,
            case_id=case_id,
            reason="other",
            note="",
            reporter_kind="person",
            reporter="person:ada",
            created_at=tx.now(),
        )


def decided_here(room: ReviewRoom) -> str:
    case = room.open_case(PROMPT)
    room.decide(ADA, case, "refuse")
    return case.video_id


def decided_on_the_source(room: ReviewRoom) -> str:
    source = decided_here(room)
    middle = room.add_video("a remix", remixed_from=source)
    return room.add_video("a remix of a remix", remixed_from=middle)


def decided_on_a_remix(room: ReviewRoom) -> str:
    source = room.add_video("a lake")
    remix = room.add_video("a remix", remixed_from=source)
    room.decide(ADA, room.open_case("", video_id=remix), "refuse")
    return source


def decided_on_a_near_duplicate(room: ReviewRoom) -> str:
    leader = room.open_case(PROMPT)
    member = room.open_case(PROMPT)
    # The member left the cluster and was decided by another person.
    room.actions.closed_videos.add(member.video_id)
    room.decide(ADA, leader, "refuse")
    room.actions.closed_videos.clear()
    room.decide(BO, member, "refuse")
    return member.video_id


def requested(room: ReviewRoom) -> str:
    return room.add_video(PROMPT, requested_by="ada")


def reported(room: ReviewRoom) -> str:
    video = room.add_video(PROMPT)
    report(room, video)
    return video


def appealed(room: ReviewRoom, video_id: str) -> Case:
    """An appeal, as `Appeals.add` opens it."""
    case = room.open_case("", kind=CaseKind.APPEAL, video_id=video_id)
    with room.database.transaction(TENANT) as tx:
        record_conflicts(tx, case)
    return case


@pytest.mark.parametrize(
    "involve",
    [
        decided_here,
        decided_on_the_source,
        decided_on_a_remix,
        decided_on_a_near_duplicate,
        requested,
        reported,
    ],
)
def test_an_involved_person_never_gets_the_appeal(
    room: ReviewRoom, involve: Callable[[ReviewRoom], str]
) -> None:
    case = appealed(room, involve(room))
    assert room.queue.take_next(ADA) is None
    assert room.queue.extend_lease(ADA, case.id).leased_by is None
    with pytest.raises(Forbidden):
        room.decide(ADA, case, "overturn")
    for statement in (
        "UPDATE cases SET leased_by = 'ada' WHERE id = :case",
        "INSERT INTO decisions (id, tenant_id, case_id, video_id, action, reason, decided_by, at,"
        " verdict_ids) VALUES ('decision_x', 'acme', :case, 'v', 'overturn', 'x', 'ada', 0, '[]')",
        "INSERT INTO pending_decisions (id, tenant_id, case_id, video_id, action, reason, decided_by, at,"
        " verdict_ids, due_at) VALUES ('decision_x', 'acme', :case, 'v', 'overturn', 'x', 'ada', 0, '[]', 0)",
    ):
        with pytest.raises(IntegrityError), room.database.raw_connection() as connection:
            connection.execute(text(statement), {"case": case.id})
    assert room.take(CLEO).id == case.id
    room.decide(CLEO, case, "overturn")


def test_a_person_who_becomes_involved_later_does_not_get_the_appeal(room: ReviewRoom) -> None:
    video = room.add_video(PROMPT)
    appeal = appealed(room, video)
    remix = room.add_video("a remix", remixed_from=video)
    room.decide(ADA, room.open_case("", video_id=remix), "refuse")
    assert room.queue.take_next(ADA) is None
    assert room.take(BO).id == appeal.id


def test_an_appeal_needs_an_equal_or_higher_role(room: ReviewRoom) -> None:
    case = room.open_case(PROMPT)
    room.decide(reviewer("sam", Role.SENIOR_REVIEWER), case, "refuse")
    appeal = appealed(room, case.video_id)
    assert room.queue.take_next(ADA) is None
    with pytest.raises(Forbidden, match="higher role"):
        room.decide(ADA, appeal, "overturn")
    assert room.take(reviewer("sue", Role.SENIOR_REVIEWER)).id == appeal.id


@pytest.mark.parametrize("key_decided", [True, False])
def test_a_person_and_their_own_key_are_one_in_an_appeal(room: ReviewRoom, key_decided: bool) -> None:
    accounts = Accounts(room.database)
    with room.database.transaction(TENANT) as tx:
        tx.insert_or_ignore(tenants, name="acme", created_at=tx.now())
    scopes = (KeyScope.REVIEW, KeyScope.VIDEOS_READ)
    key = accounts.authenticate(accounts.create_key(TENANT, "ada's key", scopes, by=ADA.id)[1])
    case = room.open_case(PROMPT)
    first, second = (key, ADA) if key_decided else (ADA, key)
    room.decide(first, case, "refuse")
    appeal = appealed(room, case.video_id)
    assert room.queue.take_next(second) is None
    with pytest.raises(Forbidden):
        room.decide(second, appeal, "uphold")
    assert room.take(BO).id == appeal.id


def audited_decisions(room: ReviewRoom) -> list[bool]:
    made = [row.seq for row in room.stored(audit_log, audit_log.c.event == "case.approve")]
    contents = room.stored(audit_log_contents, audit_log_contents.c.seq.in_(made))
    return ["own_request" in json.loads(row.content) for row in contents]


def test_a_hold_of_the_own_video_is_decided_by_another_reviewer_if_there_is_one(room: ReviewRoom) -> None:
    own = room.open_case("", video_id=requested(room))
    room.enroll(ADA)
    room.enroll(BO)
    assert room.queue.take_next(ADA) is None
    assert room.queue.extend_lease(ADA, own.id).leased_by is None
    assert room.reviews.get(ADA, own.id).requires_other_reviewer
    with pytest.raises(Forbidden, match="because you requested or reported"):
        room.decide(ADA, own)
    room.decide(BO, own)
    assert audited_decisions(room) == [False]


def test_who_reported_a_video_or_made_a_near_duplicate_does_not_decide_the_case(room: ReviewRoom) -> None:
    room.enroll(BO)
    leader = room.open_case(PROMPT)
    room.open_case("", video_id=requested(room))
    of_report = room.open_case("", kind=CaseKind.REPORT, video_id=room.add_video("a lake"))
    report(room, of_report.video_id, of_report.id)
    for case, action in ((leader, "approve"), (of_report, "withdraw")):
        with pytest.raises(Forbidden, match="because you requested or reported"):
            room.decide(ADA, case, action)
    room.decide(BO, of_report, "withdraw")


def test_the_only_reviewer_decides_the_own_video_and_the_log_says_so(room: ReviewRoom) -> None:
    own = room.open_case("", video_id=requested(room))
    room.enroll(ADA)
    room.enroll(reviewer("cat", Role.CREATOR))
    room.decide(ADA, own)
    assert audited_decisions(room) == [True]


@pytest.mark.parametrize(
    "change", [{"state": "disabled"}, {"state": "invited"}, {"role": "creator"}], ids=str
)
def test_a_pending_decision_ends_with_the_role_of_its_author(
    room: ReviewRoom, change: dict[str, str]
) -> None:
    case = room.open_case(PROMPT)
    room.enroll(ADA)
    room.reviews.decide_with_undo(ADA, case.id, DecisionRequest(action="approve", reason="Fine."))
    with room.database.transaction(TENANT) as tx:
        tx.update(people, people.c.id == ADA.id, **change)
    room.executor.carry_out_due()
    room.clock.now += UNDO_S
    room.executor.carry_out_due()
    assert room.actions.applied == []
    file = room.reviews.get(BO, case.id)
    assert file.case.state is CaseState.OPEN
    assert "may not decide this case any more" in (file.pending.conflict or "")


def test_an_answer_in_a_quality_review_leaves_the_person_free_for_the_appeal(room: ReviewRoom) -> None:
    for person in (ADA, BO):
        room.enroll(person)
    video = decided_here(room)
    QualitySampler(room.database, SamplingRule(second_review_rate=1.0)).open_second_reviews()
    wanted = DecisionRequest(action="in_policy", reason="Looked at it.")
    room.reviews.decide_with_undo(BO, room.take(BO).id, wanted)
    appeal = appealed(room, video)
    room.clock.now += 20
    room.executor.carry_out_due()
    assert room.queue.take_next(ADA) is None
    assert room.take(BO).id == appeal.id
    room.decide(BO, appeal, "overturn")
