"""Near-duplicate cases on both databases: one decision, applied to all of them."""

from __future__ import annotations

import msgspec
import pytest

from safelight.accounts import ReviewRank
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import Conflict
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store.tables import decisions, outbox
from safelight.videos.case_rows import Case, CaseKind, CaseState, close_cases
from safelight.videos.case_rows.models import UNDO_S
from support.decided_appeals import add_verdict
from support.review_room import TENANT, ReviewRoom, reviewer

ADA = reviewer("ada")
SAME = ("A knife fight on a roof.", "a  KNIFE fight on a roof", "a kn\u200bife fight on a roof!")


def opened(room: ReviewRoom) -> list[Case]:
    return [room.open_case(prompt) for prompt in SAME]


def states(room: ReviewRoom, cases: list[Case]) -> list[CaseState]:
    return [room.reviews.get(ADA, case.id).case.state for case in cases]


def decide_with_undo(room: ReviewRoom, case: Case) -> None:
    room.reviews.decide_with_undo(ADA, case.id, DecisionRequest(action="approve", reason="Fine."))


def end(room: ReviewRoom, case: Case) -> None:
    with room.database.transaction(TENANT) as tx:
        close_cases(tx, case.video_id, actor="sweeper")


def test_near_duplicates_are_one_case_of_the_queue(room: ReviewRoom) -> None:
    leader, *members = opened(room)
    assert room.listed() == [leader.id]
    assert room.reviews.count_open(ADA) == 1
    file = room.reviews.get(ADA, leader.id)
    assert (file.members, file.case.reach) == (2, 3)
    assert room.take(ADA).id == leader.id
    assert room.queue.take_next(reviewer("bo")) is None
    with pytest.raises(Conflict, match="decided together with"):
        room.decide(ADA, members[0])


def test_a_full_cluster_takes_no_further_case(room: ReviewRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.videos.case_rows.clusters.MAX_CLUSTER_CASES", 3)
    cases = [room.open_case(SAME[0]) for _ in range(7)]
    leaders = [room.reviews.get(ADA, case.id).case.leader_id or case.id for case in cases]
    first, second, third = cases[0].id, cases[3].id, cases[6].id
    assert leaders == [first, first, first, second, second, second, third]
    room.decide(ADA, cases[0])
    assert states(room, cases) == [CaseState.DECIDED] * 3 + [CaseState.OPEN] * 4


def test_what_is_not_the_same_hold_is_another_case(room: ReviewRoom) -> None:
    room.open_case(SAME[0])
    other_generator = room.add_video(SAME[0])
    room.change_video(other_generator, generator="wan")
    for number, (prompt, fields) in enumerate(
        (
            ("a knife fight on a boat", {}),
            ("a girl in a knife fight on a roof", {}),
            ("", {"video_id": other_generator}),
            *((SAME[0], {"stage": Stage.REFERENCE}) for _ in range(2)),
            *((same, {"kind": kind}) for kind in (CaseKind.APPEAL, CaseKind.REPORT) for same in SAME),
        ),
        start=2,
    ):
        room.open_case(prompt, **fields)
        assert room.reviews.count_open(ADA) == number


def test_a_case_with_other_findings_is_another_case(room: ReviewRoom) -> None:
    for matched in (("vi-3",), ("vi-3", "vi-9"), ()):
        video = room.add_video(SAME[0])
        verdict = Verdict(
            action=Action.HOLD,
            stage=Stage.PROMPT,
            subject_sha256="0" * 64,
            policy="house",
            policy_sha256="0" * 64,
            category="violence",
            matched_rules=matched,
        )
        with room.database.transaction(TENANT) as tx:
            add_verdict(tx, video, "vi-3", action="hold", body=msgspec.json.encode(verdict))
        room.open_case("", video_id=video)
    assert room.reviews.count_open(ADA) == 3


def test_a_decision_is_recorded_and_carried_out_for_each_member(room: ReviewRoom) -> None:
    cases = opened(room)
    room.decide(ADA, cases[0], "refuse")
    assert states(room, cases) == [CaseState.DECIDED] * 3
    assert room.actions.applied == [("refuse", case.video_id) for case in cases]
    rows = room.stored(decisions)
    assert {row.case_id for row in rows} == {case.id for case in cases}
    assert len({row.id for row in rows}) == 3
    room.actions.applied.clear()
    pending = opened(room)
    decide_with_undo(room, pending[0])
    room.executor.carry_out_due()
    assert room.actions.applied == []
    room.clock.now += UNDO_S
    room.executor.carry_out_due()
    assert states(room, pending) == [CaseState.DECIDED] * 3
    assert len(room.actions.applied) == 3


def test_a_member_that_no_longer_allows_the_decision_is_decided_by_itself(room: ReviewRoom) -> None:
    leader, other, third = opened(room)
    room.actions.closed_videos.add(other.video_id)
    room.decide(ADA, leader)
    assert states(room, [leader, other, third]) == [CaseState.DECIDED, CaseState.OPEN, CaseState.DECIDED]
    file = room.reviews.get(ADA, other.id)
    assert file.case.leader_id is None
    assert "is not held any more" in (file.pending.conflict or "")
    assert room.listed() == [other.id]


def test_the_next_member_leads_when_the_leader_ends(room: ReviewRoom) -> None:
    leader, second, third = opened(room)
    end(room, leader)
    file = room.reviews.get(ADA, second.id)
    assert (file.case.leader_id, file.members, file.case.reach) == (None, 1, 2)
    room.decide(ADA, file.case)
    assert states(room, [second, third]) == [CaseState.DECIDED] * 2


def test_an_escalation_outlives_the_leader(room: ReviewRoom) -> None:
    leader, second, _ = opened(room)
    room.queue.escalate(ADA, leader.id, reason="Hard.")
    later = room.open_case(SAME[0])
    for ended in (leader, second):
        end(room, ended)
        assert room.queue.take_next(ADA) is None
    assert room.reviews.get(ADA, later.id).case.required_rank == ReviewRank.SENIOR
    assert second.id in {row.subject for row in room.stored(outbox, outbox.c.topic == "case.opened")}


def test_a_case_that_is_opened_while_a_decision_is_pending_is_decided_by_itself(room: ReviewRoom) -> None:
    decide_with_undo(room, room.open_case(SAME[0]))
    later = room.open_case(SAME[1])
    assert later.leader_id is None
    assert room.listed() == [later.id]


def test_more_reports_bring_a_case_forward_and_change_its_version(room: ReviewRoom) -> None:
    first = room.open_case("a scene", kind=CaseKind.REPORT)
    reported = room.open_case("another scene", kind=CaseKind.REPORT)
    assert room.listed() == [first.id, reported.id]
    room.open_case("", kind=CaseKind.REPORT, video_id=reported.video_id)
    file = room.reviews.get(ADA, reported.id)
    assert (file.case.reach, file.case.version) == (2, reported.version + 1)
    assert room.listed() == [reported.id, first.id]
