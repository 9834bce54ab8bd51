"""The queue of reviewers on both databases: leases, skips, declined categories, escalation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from safelight.accounts import KeyScope, Role
from safelight.cases.inputs import CaseFilter, DecisionRequest
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.policy.findings import Stage
from safelight.store.tables import audit_log, case_skips, outbox
from safelight.videos.case_rows import CaseKind, CaseState, NewCase, open_case
from safelight.videos.case_rows.models import KEEP_SKIPS_S, LEASE_S
from support.concurrency import run_together
from support.review_room import TENANT, ReviewRoom, reviewer

pytestmark = pytest.mark.both_databases

ADA, BO = reviewer("ada"), reviewer("bo")
LEAD = reviewer("lee", Role.TRUST_LEAD)


def test_the_case_with_the_highest_product_comes_first(room: ReviewRoom) -> None:
    later = room.open_case("a brand", category="ip/brand")
    sooner = room.open_case("a wound", category="violence/graphic")
    assert room.listed() == [sooner.id, later.id]
    assert room.listed(after=sooner.id) == [later.id]
    assert room.take(ADA).id == sooner.id


def test_two_reviewers_get_different_cases_and_the_same_again_and_nobody_a_third(room: ReviewRoom) -> None:
    opened = {room.open_case(f"scene {number}").id for number in range(2)}
    taken = [room.take(who) for who in (ADA, BO)]
    assert {case.id for case in taken} == opened
    assert [room.take(who) for who in (ADA, BO)] == taken
    assert room.queue.take_next(reviewer("cleo")) is None


def test_reviewers_who_ask_at_the_same_time_never_get_the_same_case(room: ReviewRoom) -> None:
    for number in range(8):
        room.open_case(f"scene {number}")
    people = [reviewer(f"person {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert len({case.id for case in threads.map(room.take, people)}) == 8


def test_one_reviewer_who_asks_twice_at_the_same_time_has_one_case(room: ReviewRoom) -> None:
    cases = [room.open_case(f"prompt {number}") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert len({case.id for case in pool.map(room.take, [ADA] * 4)}) == 1
            opened = [pool.submit(room.queue.extend_lease, ADA, case.id) for case in cases[:4]]
            assert all(future.result() for future in opened)
            (leased,) = (case for case in cases if room.leased_by(case) == "ada")
            room.queue.release(ADA, leased.id)


def test_a_closed_laptop_and_a_second_case_give_the_first_one_back(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.take(ADA)
    room.clock.now += LEASE_S - 1
    assert room.queue.take_next(BO) is None
    room.clock.now += 2
    assert room.take(BO).id == case.id
    with pytest.raises(Conflict, match="open at another reviewer"):
        room.queue.extend_lease(ADA, case.id)
    second = room.open_case("another scene")
    room.queue.extend_lease(BO, second.id)
    assert room.take(ADA).id == case.id


def test_a_reserved_case_is_the_one_that_the_reviewer_gets_next(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.take(ADA)
    for _ in range(2):  # Asking again changes neither the open case nor the reserved one.
        reserved = room.queue.reserve_next(ADA, first.id)
        assert (reserved.id, reserved.leased_by) == (second.id, "ada")
    assert [room.take(who).id for who in (ADA, BO)] == [first.id, third.id]
    room.decide(ADA, first)
    following = room.take(ADA)
    assert (following.id, following.reserved) == (second.id, False)


def test_a_reserved_case_is_kept_and_lost_with_the_open_one(room: ReviewRoom) -> None:
    first, second = (room.open_case(f"scene {number}") for number in range(2))
    room.take(ADA)
    room.queue.reserve_next(ADA, first.id)
    for _ in range(3):
        room.clock.now += LEASE_S - 1
        room.queue.extend_lease(ADA, first.id)
        assert room.leased_by(second) == "ada"
    room.clock.now += LEASE_S + 1
    assert {room.take(who).id for who in (BO, reviewer("cleo"))} == {first.id, second.id}


def test_a_reserved_case_goes_to_a_reviewer_for_whom_nothing_else_is_left(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.take(ADA)
    room.queue.reserve_next(ADA, first.id)
    with pytest.raises(Conflict, match="reserved as the next case of another reviewer"):
        room.queue.extend_lease(BO, second.id)
    taken = [room.queue.take_next(who) for who in (BO, reviewer("cleo"), reviewer("dan"))]
    assert [case and case.id for case in taken] == [third.id, second.id, None]
    # The page of the first reviewer still has it, and is told.
    with pytest.raises(Conflict, match="open at another reviewer"):
        room.decide(ADA, second)
    assert room.queue.reserve_next(ADA, first.id) is None
    room.decide(ADA, first)
    assert room.queue.take_next(ADA) is None


def test_a_reserved_case_that_two_reviewers_take_at_the_same_time_is_given_to_one(room: ReviewRoom) -> None:
    for number in range(5):
        first, second = (room.open_case(f"scene {number} {part}") for part in range(2))
        room.take(ADA)
        room.queue.reserve_next(ADA, first.id)
        room.decide(ADA, first)
        with ThreadPoolExecutor(4) as threads:
            taken = threads.map(room.queue.take_next, (ADA, BO, ADA, BO))
        who = room.leased_by(second)
        assert {(case.id, case.leased_by) for case in taken if case is not None} == {(second.id, who)}
        room.decide(reviewer(str(who)), second)


def test_a_reservation_ends_when_the_reviewer_leaves_or_opens_another_case(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.take(ADA)
    room.queue.reserve_next(ADA, first.id)
    for who, leased_by in ((BO, "ada"), (ADA, None)):
        room.queue.cancel_reservation(who, second.id)
        assert room.leased_by(second) == leased_by
    room.queue.reserve_next(ADA, first.id)
    room.queue.extend_lease(ADA, third.id)
    assert [room.leased_by(case) for case in (first, second)] == [None, None]
    # The message of a page that was left can come after the case was opened.
    room.queue.extend_lease(ADA, second.id)
    room.queue.cancel_reservation(ADA, second.id)
    assert room.leased_by(second) == "ada"


def test_only_the_reviewer_who_has_a_case_open_reserves_the_next_one(room: ReviewRoom) -> None:
    first, _second = (room.open_case(f"scene {number}") for number in range(2))
    room.take(ADA)
    for who in (BO, reviewer("cleo")):
        with pytest.raises(Conflict, match="do not have"):
            room.queue.reserve_next(who, first.id)
    room.decide(ADA, first)
    with pytest.raises(Conflict, match="do not have"):
        room.queue.reserve_next(ADA, first.id)


def test_a_case_that_the_reviewer_declined_meanwhile_is_not_given_although_it_was_reserved(
    room: ReviewRoom,
) -> None:
    first = room.open_case("a wound", category="violence/graphic")
    declined = room.open_case("a scene", category="sexual")
    room.take(ADA)
    reserved = room.queue.reserve_next(ADA, first.id)
    assert reserved.id == declined.id
    room.queue.decline_categories(ADA, ["sexual"])
    assert room.queue.reserve_next(ADA, first.id) is None
    room.decide(ADA, first)
    assert room.queue.take_next(ADA) is None


def test_reservations_at_the_same_time_are_of_different_cases(room: ReviewRoom) -> None:
    for number in range(8):
        room.open_case(f"scene {number}")
    people = [reviewer(f"person {number}") for number in range(4)]
    opened = [room.take(who).id for who in people]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(room.queue.reserve_next, people * 2, opened * 2))
    reserved = [case.id for case in found if case is not None]
    assert len({*reserved, *opened}) == 8
    assert reserved[:4] == reserved[4:]


def test_signs_of_life_keep_the_case(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.take(ADA)
    for _ in range(5):
        room.clock.now += LEASE_S - 1
        assert room.queue.extend_lease(ADA, case.id).leased_by == "ada"
    assert room.queue.take_next(BO) is None
    room.queue.release(ADA, case.id)
    assert room.queue.take_next(BO) is not None


def test_only_the_reviewer_who_has_the_case_decides_it_in_the_version_that_was_opened(
    room: ReviewRoom,
) -> None:
    case = room.open_case("a scene")
    room.take(ADA)
    with pytest.raises(Conflict, match="open at another reviewer"):
        room.decide(BO, case)
    room.decide(ADA, case)
    assert room.actions.applied == [("approve", case.video_id)]
    changed = room.open_case("another scene")
    room.queue.escalate(ADA, changed.id, reason="Hard.")
    stale = DecisionRequest(action="approve", reason="Fine.", version=changed.version)
    with pytest.raises(Conflict, match="changed after you opened it"):
        room.reviews.decide(LEAD, changed.id, stale)
    assert room.reviews.get(LEAD, changed.id).case.state is CaseState.OPEN


def test_of_two_decisions_at_the_same_time_one_is_recorded(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    outcomes = run_together([partial(room.decide, reviewer(name), case) for name in "abcd"])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 3 + ["NoneType"]
    assert room.actions.applied == [("approve", case.video_id)]


def test_a_skipped_case_is_offered_to_others_only_and_the_skip_is_kept_for_30_days(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.take(ADA)
    room.queue.skip(ADA, case.id, reason="Too close to home.")
    assert room.queue.take_next(ADA) is None
    assert room.queue.take_next(BO) is not None
    with pytest.raises(InvalidField):
        room.queue.skip(BO, case.id, reason=" ")
    with pytest.raises(NotFound):
        room.queue.skip(replace(ADA, tenant="other"), case.id, reason="x")
    room.clock.now += KEEP_SKIPS_S + 1
    room.queue.delete_old_skips()
    assert room.stored(case_skips) == []
    assert {row.event for row in room.stored(audit_log)} == {"case.opened"}


def test_declined_categories_are_not_offered(room: ReviewRoom) -> None:
    room.open_case("a scene", category="violence")
    other = room.open_case("a mark", category="ip/brand")
    assert room.queue.decline_categories(ADA, ["violence"]).declined_categories == ("violence",)
    assert room.take(ADA).id == other.id
    with pytest.raises(InvalidField, match="There is no category"):
        room.queue.decline_categories(ADA, ["nothing"])
    assert room.queue.preferences(ADA).declined_categories == ("violence",)


def test_preferences_that_change_at_the_same_time_are_one_of_them(room: ReviewRoom) -> None:
    choices = [["violence"], ["ip/brand"]] * 4
    with ThreadPoolExecutor(len(choices)) as pool:
        for _ in range(3):
            made = list(pool.map(lambda names: room.queue.decline_categories(ADA, names), choices))
            assert room.queue.preferences(ADA) in made


def test_an_escalated_case_goes_to_a_higher_role(room: ReviewRoom) -> None:
    senior = reviewer("sam", Role.SENIOR_REVIEWER)
    case = room.open_case("a scene")
    room.take(ADA)
    room.queue.escalate(ADA, case.id, reason="I am not sure.")
    assert room.queue.extend_lease(ADA, case.id).leased_by is None
    assert room.queue.take_next(BO) is None
    with pytest.raises(Forbidden, match="higher role"):
        room.decide(BO, case)
    assert "higher role" in (room.reviews.get(BO, case.id).obstacle or "")
    assert room.take(senior).id == case.id
    room.queue.escalate(senior, case.id, reason="A rule is missing.")
    assert room.queue.take_next(senior) is None
    assert room.take(LEAD).id == case.id
    with pytest.raises(Conflict, match="no role is higher"):
        room.queue.escalate(LEAD, case.id, reason="Hm.")


def test_a_quarantined_case_is_offered_to_the_vault_officer_only_and_needs_no_higher_rank(
    room: ReviewRoom,
) -> None:
    officer = reviewer("vic", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)
    case = room.open_case("a scene", quarantined=True)
    assert room.queue.take_next(ADA) is None
    with pytest.raises(NotFound):
        room.queue.extend_lease(ADA, case.id)
    assert room.take(officer).id == case.id
    with pytest.raises(Conflict, match="no role is higher"):
        room.queue.escalate(officer, case.id, reason="I am not sure.")
    room.decide(officer, case, "refuse")

    first = room.open_case("another scene")
    room.decide(LEAD, first)
    appeal = room.open_case("", kind=CaseKind.APPEAL, video_id=first.video_id, quarantined=True)
    room.decide(officer, appeal, "uphold")


def test_late_cases_are_a_list_of_their_own_and_another_tenant_has_none(room: ReviewRoom) -> None:
    late = room.open_case("a scene")
    room.open_case("another scene", due_s=9000.0)
    room.clock.now += 1000.0
    assert room.listed(asked=CaseFilter(late=True)) == [late.id]
    assert room.queue.take_next(replace(ADA, tenant="other")) is None


def test_the_page_after_a_case_that_comes_first_has_the_next_cases(room: ReviewRoom) -> None:
    others = {room.open_case(f"scene {number}").id for number in range(3)}
    new = NewCase(
        video_id=room.add_video("a scene"),
        kind=CaseKind.REPORT,
        stage=Stage.DELIVERY,
        due_at=room.clock.now + 48 * 3600,
        category="violence",
        comes_first=True,
    )
    with room.database.transaction(TENANT) as tx:
        first = open_case(tx, new, actor="policy")
    page = room.reviews.list(ADA, limit=1)
    assert ([case.id for case in page.items], page.has_more) == ([first.id], True)
    assert set(room.listed(after=first.id)) == others


def test_a_report_with_a_shorter_clock_moves_the_notice_and_shows_the_graver_category(
    room: ReviewRoom,
) -> None:
    first = room.open_case("a scene", kind=CaseKind.REPORT, category="ip/brand", due_s=7 * 86_400)
    room.clock.now += 86_400
    room.open_case("", kind=CaseKind.REPORT, category="ncii", due_s=3600, video_id=first.video_id)
    (notice,) = room.stored(outbox, outbox.c.topic == "case.due_soon", outbox.c.subject == first.id)
    assert notice.due_at == room.clock.now
    (case,) = room.reviews.list(ADA).items
    assert (case.category, case.due_at) == ("ncii", room.clock.now + 3600)
    # A later one that is milder and due later changes neither.
    room.open_case("", kind=CaseKind.REPORT, category="ip/brand", due_s=86_400, video_id=first.video_id)
    assert room.reviews.list(ADA).items[0].category == "ncii"
