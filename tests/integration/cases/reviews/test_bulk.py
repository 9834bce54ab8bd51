"""Decisions on what is the same, on both databases: previewed, made and undone together."""

from __future__ import annotations

import pytest

from safelight.accounts import Role
from safelight.cases.inputs import BulkRequest, DecisionRequest
from safelight.cases.reviews.bulk import MAX_BULK_CASES
from safelight.core.errors import BadInput, Conflict, InvalidField, NotFound
from safelight.store.tables import audit_log, cases, decisions, notices, pending_decisions, reports
from safelight.videos.case_rows import Case, CaseKind, CaseState
from safelight.videos.case_rows.models import UNDO_S
from support.review_room import TENANT, ReviewRoom, reviewer

pytestmark = pytest.mark.both_databases

ADA, BO = reviewer("ada"), reviewer("bo")


def of_person(room: ReviewRoom, *prompts: str, by: str = "key_7", **options: str) -> list[Case]:
    return [
        room.open_case(one, video_id=room.add_video(one, requested_by=by), **options)  # type: ignore[arg-type]
        for one in prompts
    ]


def report(room: ReviewRoom, case: Case, reporter: str) -> None:
    with room.database.transaction(TENANT) as tx:
        number = tx.count(reports)
        tx.insert(
            reports,
            id=f"report_{number}",
            video_id=case.video_id,
            case_id=case.id,
            reason="other",
            note="",
            reporter_kind="key",
            reporter=reporter,
            created_at=tx.now(),
        )
        tx.insert(
            notices,
            id=f"report_{number}",
            lane="ordinary",
            reporter=reporter,
            sender=reporter,
            video_id=case.video_id,
            case_id=case.id,
            created_at=tx.now(),
            due_at=case.due_at,
        )


def reported(room: ReviewRoom, prompt: str, *reporters: str, category: str = "ip/brand") -> Case:
    case = room.open_case(prompt, kind=CaseKind.REPORT, category=category)
    for one in reporters:
        report(room, case, one)
    return case


def asked(chosen: list[Case], same: str = "person", action: str = "approve", **fields: str) -> BulkRequest:
    return BulkRequest(
        same=same, versions={one.id: one.version for one in chosen}, action=action, reason="Same.", **fields
    )


def states(room: ReviewRoom, chosen: list[Case]) -> list[CaseState]:
    return [room.reviews.get(ADA, one.id).case.state for one in chosen]


def test_the_cases_of_one_person_are_previewed_decided_and_undone_together(room: ReviewRoom) -> None:
    mine = of_person(room, "a red door", "a blue door", "a green door")
    other = room.open_case("a door of another person")
    found = room.bulk.preview(ADA, mine[0].id, "person")
    assert (found.cases[0].id, {one.id for one in found.cases}) == (mine[0].id, {one.id for one in mine})
    assert (found.categories, found.left_out, found.has_more) == ({"violence": 3}, (), False)
    made = room.bulk.decide(ADA, mine[0].id, asked(list(found.cases)))
    assert (set(made.cases), made.left_out) == ({one.id for one in mine}, ())
    assert states(room, mine) == [CaseState.PENDING] * 3
    entries = [one for one in room.stored(audit_log) if one.event == "case.decided"]
    assert {one.subject for one in entries} == {one.video_id for one in mine}
    undone = room.bulk.undo(ADA, made.id)
    assert (set(undone.cases), undone.undo_s) == (set(made.cases), 0)
    assert states(room, [*mine, other]) == [CaseState.OPEN] * 4
    assert room.stored(pending_decisions) == []
    with pytest.raises(NotFound):
        room.bulk.undo(ADA, made.id)


def test_each_case_gets_its_own_decision_and_the_undo_names_what_was_carried_out(room: ReviewRoom) -> None:
    mine = of_person(room, "a red door", "a blue door")
    made = room.bulk.decide(ADA, mine[0].id, asked(mine))
    with pytest.raises(NotFound):
        room.bulk.undo(BO, made.id)
    assert room.bulk.read(ADA, made.id).undo_s == made.undo_s
    room.clock.now += UNDO_S
    # It is late, but it waits.
    assert room.bulk.read(ADA, made.id).undo_s == 1
    room.executor.carry_out_due()
    read = room.bulk.read(ADA, made.id)
    assert (set(read.cases), read.left_out, read.undo_s) == ({one.id for one in mine}, (), 0)
    with pytest.raises(NotFound):
        room.bulk.read(BO, made.id)
    stored = room.stored(decisions)
    assert {one.case_id for one in stored} == {one.id for one in mine}
    assert len({one.id for one in stored}) == 2
    assert {one.bulk_id for one in stored} == {made.id}
    with pytest.raises(NotFound, match="carried out"):
        room.bulk.undo(ADA, made.id)


def test_what_was_decided_changed_closed_or_taken_in_between_is_left_out_and_named(room: ReviewRoom) -> None:
    mine = of_person(room, *(f"door {number}" for number in range(6)))
    stays, decided, closed, changed, taken, merged = mine
    foreign = room.open_case("a door of another person")
    room.reviews.decide_with_undo(BO, decided.id, DecisionRequest(action="approve", reason="x"))
    with room.database.transaction(TENANT) as tx:
        tx.update(cases, cases.c.id == closed.id, state=CaseState.EXPIRED.value, dedup_key=None)
        tx.update(cases, cases.c.id == changed.id, version=2)
        tx.update(cases, cases.c.id == merged.id, leader_id=stays.id)
    room.queue.extend_lease(BO, taken.id)
    made = room.bulk.decide(ADA, stays.id, asked([*mine, foreign]))
    assert made.cases == (stays.id,)
    why = {one.case_id: one.why for one in made.left_out}
    assert set(why) == {one.id for one in [*mine[1:], foreign]}
    assert "decided already" in why[decided.id]
    assert "closed without a decision" in why[closed.id]
    assert "changed after you opened it" in why[changed.id]
    assert "Another reviewer has it open" in why[taken.id]
    assert f"decided together with {stays.id}" in why[merged.id]
    assert "not the same" in why[foreign.id]
    with pytest.raises(Conflict):
        room.bulk.decide(ADA, stays.id, asked([decided, closed]))


def test_of_one_reporter_only_cases_that_nobody_else_reported(room: ReviewRoom) -> None:
    first, second = (reported(room, f"a scene {number}", "key:key_9") for number in range(2))
    both = reported(room, "a scene of two", "key:key_9", "key:key_8")
    other = reported(room, "a scene of another", "key:key_8")
    found = room.bulk.preview(ADA, first.id, "reporter")
    assert {one.id for one in found.cases} == {first.id, second.id}
    made = room.bulk.decide(ADA, first.id, asked([first, second, both, other], "reporter", "keep"))
    assert set(made.cases) == {first.id, second.id}
    assert {one.case_id for one in made.left_out} == {both.id, other.id}
    with pytest.raises(Conflict, match="has no single reporter"):
        room.bulk.preview(ADA, both.id, "reporter")


def test_severe_cases_are_decided_one_by_one(room: ReviewRoom) -> None:
    calm = of_person(room, "a red door", "a blue door")
    (severe,) = of_person(room, "a wound", category="ncii")
    found = room.bulk.preview(ADA, calm[0].id, "person")
    assert [(one.case_id, "severe" in one.why) for one in found.left_out] == [(severe.id, True)]
    made = room.bulk.decide(ADA, calm[0].id, asked([*calm, severe]))
    assert severe.id not in made.cases
    found = room.bulk.preview(ADA, severe.id, "person")
    assert severe.id in {one.case_id for one in found.left_out}
    with pytest.raises(Conflict, match="severe"):
        room.bulk.decide(ADA, severe.id, asked([severe]))


def test_the_undo_names_the_decisions_that_were_carried_out_before_it(room: ReviewRoom) -> None:
    mine = of_person(room, "a red door", "a blue door", "a green door")
    made = room.bulk.decide(ADA, mine[0].id, asked(mine))
    with room.database.transaction(TENANT) as tx:
        tx.update(pending_decisions, pending_decisions.c.case_id == mine[0].id, due_at=0)
    room.executor.carry_out_due()
    undone = room.bulk.undo(ADA, made.id)
    assert set(undone.cases) == {one.id for one in mine[1:]}
    assert [(one.case_id, "carried out already" in one.why) for one in undone.left_out] == [
        (mine[0].id, True)
    ]


def test_a_case_that_another_person_decided_after_an_undo_stays_decided(room: ReviewRoom) -> None:
    first, second = of_person(room, "a red door", "a blue door")
    made = room.bulk.decide(ADA, first.id, asked([first, second]))
    room.reviews.undo(ADA, first.id)
    room.reviews.decide_with_undo(BO, first.id, DecisionRequest(action="approve", reason="x"))
    assert room.bulk.undo(ADA, made.id).cases == (second.id,)
    assert states(room, [first, second]) == [CaseState.PENDING, CaseState.OPEN]


def test_near_duplicates_beyond_a_full_cluster_are_the_same(room: ReviewRoom) -> None:
    opened = of_person(room, *["a red door"] * (MAX_BULK_CASES + 2))
    leaders = room.listed()
    assert len(leaders) == 2
    found = room.bulk.preview(ADA, leaders[0], "cluster")
    assert {one.id for one in found.cases} == set(leaders)
    made = room.bulk.decide(ADA, leaders[0], asked(list(found.cases), "cluster"))
    assert set(made.cases) == set(leaders)
    room.clock.now += UNDO_S
    room.executor.carry_out_due()
    assert len(room.stored(decisions)) == len(opened)


def test_a_higher_rank_and_bad_input(room: ReviewRoom) -> None:
    mine = of_person(room, "a red door", "a blue door")
    room.queue.escalate(ADA, mine[1].id, reason="Hard.")
    (mine[1],) = (room.reviews.get(ADA, mine[1].id).case,)
    made = room.bulk.decide(BO, mine[0].id, asked(mine))
    assert [(one.case_id, "higher role" in one.why) for one in made.left_out] == [(mine[1].id, True)]
    lead = reviewer("lee", Role.TRUST_LEAD)
    for request in (asked([]), asked(mine[1:], "nothing"), asked(mine[1:], action="withdraw")):
        with pytest.raises(InvalidField):
            room.bulk.decide(lead, mine[1].id, request)
    with pytest.raises(NotFound):
        room.bulk.preview(lead, "case_" + "0" * 32, "person")
    with pytest.raises((BadInput, NotFound)):
        room.bulk.undo(lead, "bulk_\0")
