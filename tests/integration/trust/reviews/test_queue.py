"""The queue of reviewers on both databases: leases, skips, declined categories, escalation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.policy.findings import Stage
from safelight.store.tables import case_skips, outbox
from safelight.trust.accounts import KeyScope, Role
from safelight.trust.reviews import CaseKind, CaseState, DecisionRequest, NewCase, open_case
from safelight.trust.reviews.models import KEEP_SKIPS_S, LEASE_S
from support.review_room import TENANT, ReviewRoom, reviewer

pytestmark = pytest.mark.both_databases

ADA, BO = reviewer("ada"), reviewer("bo")
LEAD = reviewer("lee", Role.TRUST_LEAD)


def test_the_case_with_the_highest_product_comes_first(room: ReviewRoom) -> None:
    later = room.open_case("a brand", category="ip/brand")
    sooner = room.open_case("a wound", category="violence/graphic")
    listed = room.reviews.list(ADA).cases
    assert [case.id for case in listed] == [sooner.id, later.id]
    first = room.queue.take_next(ADA)
    assert first is not None
    assert first.id == sooner.id
    after = room.reviews.list(ADA, after=sooner.id).cases
    assert [case.id for case in after] == [later.id]


def test_two_reviewers_get_different_cases_and_nobody_a_third(room: ReviewRoom) -> None:
    opened = {room.open_case(f"scene {number}").id for number in range(2)}
    taken = [room.queue.take_next(who) for who in (ADA, BO)]
    assert {case.id for case in taken if case is not None} == opened
    assert room.queue.take_next(reviewer("cleo")) is None


def test_a_reviewer_who_asks_again_gets_the_same_case(room: ReviewRoom) -> None:
    for number in range(2):
        room.open_case(f"scene {number}")
    assert room.queue.take_next(ADA) == room.queue.take_next(ADA)


def test_reviewers_who_ask_at_the_same_time_never_get_the_same_case(room: ReviewRoom) -> None:
    for number in range(8):
        room.open_case(f"scene {number}")
    people = [reviewer(f"person {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(room.queue.take_next, people))
    assert len({case.id for case in taken if case is not None}) == 8


def test_one_reviewer_who_asks_twice_at_the_same_time_has_one_case(room: ReviewRoom) -> None:
    cases = [room.open_case(f"prompt {number}") for number in range(8)]

    def take() -> str:
        taken = room.queue.take_next(ADA)
        assert taken is not None
        return taken.id

    def leased() -> list[str]:
        found = (room.reviews.get(ADA, case.id).case for case in cases)
        return [case.id for case in found if case.leased_by == "ada"]

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            taken = [pool.submit(take) for _ in range(4)]
            assert len({future.result() for future in taken}) == 1
            opened = [pool.submit(room.queue.extend_lease, ADA, case.id) for case in cases[:4]]
            assert all(future.result() for future in opened)
            assert len(leased()) == 1
            room.queue.release(ADA, leased()[0])


def test_a_closed_laptop_gives_the_case_back_after_the_lease(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.queue.take_next(ADA)
    room.clock.now += LEASE_S - 1
    assert room.queue.take_next(BO) is None
    room.clock.now += 2
    taken = room.queue.take_next(BO)
    assert taken is not None
    assert taken.id == case.id
    with pytest.raises(Conflict, match="open at another reviewer"):
        room.queue.extend_lease(ADA, case.id)


def test_a_reviewer_who_opens_a_second_case_gives_the_first_one_back(room: ReviewRoom) -> None:
    first, second = room.open_case("a scene"), room.open_case("another scene")
    room.queue.extend_lease(ADA, first.id)
    room.queue.extend_lease(ADA, second.id)
    taken = room.queue.take_next(BO)
    assert taken is not None
    assert taken.id == first.id


def test_a_reserved_case_is_the_one_that_the_reviewer_gets_next(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.queue.take_next(ADA)
    reserved = room.queue.reserve_next(ADA, first.id)
    assert reserved is not None
    assert (reserved.id, reserved.leased_by) == (second.id, "ada")
    # Asking again changes neither the open case nor the reserved one.
    assert room.queue.reserve_next(ADA, first.id) == reserved
    taken = [room.queue.take_next(who) for who in (ADA, BO)]
    assert [case.id for case in taken if case is not None] == [first.id, third.id]
    room.decide(ADA, first)
    following = room.queue.take_next(ADA)
    assert following is not None
    assert (following.id, following.reserved) == (second.id, False)


def test_a_reserved_case_is_kept_and_lost_with_the_open_one(room: ReviewRoom) -> None:
    first, second = (room.open_case(f"scene {number}") for number in range(2))
    room.queue.take_next(ADA)
    room.queue.reserve_next(ADA, first.id)
    for _ in range(3):
        room.clock.now += LEASE_S - 1
        room.queue.extend_lease(ADA, first.id)
        assert room.reviews.get(ADA, second.id).case.leased_by == "ada"
    room.clock.now += LEASE_S + 1
    taken = {case.id for case in map(room.queue.take_next, (BO, reviewer("cleo"))) if case is not None}
    assert taken == {first.id, second.id}


def test_a_reserved_case_goes_to_a_reviewer_for_whom_nothing_else_is_left(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.queue.take_next(ADA)
    room.queue.reserve_next(ADA, first.id)
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
        room.queue.take_next(ADA)
        room.queue.reserve_next(ADA, first.id)
        room.decide(ADA, first)
        with ThreadPoolExecutor(4) as threads:
            taken = list(threads.map(room.queue.take_next, (ADA, BO, ADA, BO)))
        assert {case.id for case in taken if case is not None} == {second.id}
        who = room.reviews.get(ADA, second.id).case.leased_by
        assert {case.leased_by for case in taken if case is not None} == {who}
        room.decide(reviewer(str(who)), second)


def test_a_reservation_ends_when_the_reviewer_leaves_or_opens_another_case(room: ReviewRoom) -> None:
    first, second, third = (room.open_case(f"scene {number}") for number in range(3))
    room.queue.take_next(ADA)
    room.queue.reserve_next(ADA, first.id)
    room.queue.cancel_reservation(BO, second.id)
    assert room.reviews.get(ADA, second.id).case.leased_by == "ada"
    room.queue.cancel_reservation(ADA, second.id)
    assert room.reviews.get(ADA, second.id).case.leased_by is None
    room.queue.reserve_next(ADA, first.id)
    room.queue.extend_lease(ADA, third.id)
    assert [room.reviews.get(ADA, case.id).case.leased_by for case in (first, second)] == [None, None]
    # The message of a page that was left can come after the case was opened.
    room.queue.extend_lease(ADA, second.id)
    room.queue.cancel_reservation(ADA, second.id)
    assert room.reviews.get(ADA, second.id).case.leased_by == "ada"


def test_only_the_reviewer_who_has_a_case_open_reserves_the_next_one(room: ReviewRoom) -> None:
    first, _second = (room.open_case(f"scene {number}") for number in range(2))
    room.queue.take_next(ADA)
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
    room.queue.take_next(ADA)
    reserved = room.queue.reserve_next(ADA, first.id)
    assert reserved is not None
    assert reserved.id == declined.id
    room.queue.decline_categories(ADA, ["sexual"])
    assert room.queue.reserve_next(ADA, first.id) is None
    room.decide(ADA, first)
    assert room.queue.take_next(ADA) is None


def test_reservations_at_the_same_time_are_of_different_cases(room: ReviewRoom) -> None:
    for number in range(8):
        room.open_case(f"scene {number}")
    people = [reviewer(f"person {number}") for number in range(4)]
    opened = [case.id for who in people if (case := room.queue.take_next(who)) is not None]
    with ThreadPoolExecutor(8) as threads:
        reserved = list(threads.map(room.queue.reserve_next, people * 2, opened * 2))
    assert len({case.id for case in reserved if case is not None}) == 4
    assert reserved[:4] == reserved[4:]
    assert not {case.id for case in reserved if case is not None} & set(opened)


def test_signs_of_life_keep_the_case(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.queue.take_next(ADA)
    for _ in range(5):
        room.clock.now += LEASE_S - 1
        assert room.queue.extend_lease(ADA, case.id).leased_by == "ada"
    assert room.queue.take_next(BO) is None
    room.queue.release(ADA, case.id)
    assert room.queue.take_next(BO) is not None


def test_only_the_reviewer_who_has_the_case_decides_it(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.queue.take_next(ADA)
    with pytest.raises(Conflict, match="open at another reviewer"):
        room.decide(BO, case)
    room.decide(ADA, case)
    assert room.actions.applied == [("approve", case.video_id)]


def test_a_decision_on_an_older_version_is_refused(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.queue.escalate(ADA, case.id, reason="Hard.")
    stale = DecisionRequest(action="approve", reason="Fine.", version=case.version)
    with pytest.raises(Conflict, match="changed after you opened it"):
        room.reviews.decide(LEAD, case.id, stale)
    assert room.reviews.get(LEAD, case.id).case.state is CaseState.OPEN


def test_of_two_decisions_at_the_same_time_one_is_recorded(room: ReviewRoom) -> None:
    case = room.open_case("a scene")

    def decide(name: str) -> bool:
        try:
            room.decide(reviewer(name), case)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(decide, ["a", "b", "c", "d"])) == 1
    assert room.actions.applied == [("approve", case.video_id)]


def test_a_skipped_case_is_offered_to_others_only(room: ReviewRoom) -> None:
    case = room.open_case("a scene")
    room.queue.take_next(ADA)
    room.queue.skip(ADA, case.id, reason="Too close to home.")
    assert room.queue.take_next(ADA) is None
    assert room.queue.take_next(BO) is not None
    with pytest.raises(InvalidField):
        room.queue.skip(BO, case.id, reason=" ")


def test_skips_are_deleted_after_30_days_and_are_not_in_the_audit_log(room: ReviewRoom) -> None:
    from safelight.store.tables import audit_log

    case = room.open_case("a scene")
    room.queue.skip(ADA, case.id, reason="Too close to home.")
    room.clock.now += KEEP_SKIPS_S + 1
    room.queue.delete_old_skips()
    with room.database.read_transaction(TENANT) as tx:
        assert tx.count(case_skips) == 0
        assert {row.event for row in tx.select(audit_log)} == {"case.opened"}


def test_declined_categories_are_not_offered(room: ReviewRoom) -> None:
    room.open_case("a scene", category="violence")
    other = room.open_case("a mark", category="ip/brand")
    assert room.queue.decline_categories(ADA, ["violence"]).declined_categories == ("violence",)
    taken = room.queue.take_next(ADA)
    assert taken is not None
    assert taken.id == other.id
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
    room.queue.take_next(ADA)
    room.queue.escalate(ADA, case.id, reason="I am not sure.")
    assert room.queue.take_next(BO) is None
    with pytest.raises(Forbidden, match="higher role"):
        room.decide(BO, case)
    assert room.reviews.get(BO, case.id).requires_other_reviewer
    assert room.queue.take_next(senior) is not None
    room.queue.escalate(senior, case.id, reason="A rule is missing.")
    assert room.queue.take_next(senior) is None
    assert room.queue.take_next(LEAD) is not None
    with pytest.raises(Conflict, match="no role is higher"):
        room.queue.escalate(LEAD, case.id, reason="Hm.")


def test_a_quarantined_case_is_offered_to_the_vault_officer_only(room: ReviewRoom) -> None:
    case = room.open_case("a scene", quarantined=True)
    officer = reviewer("vic", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)
    assert room.queue.take_next(ADA) is None
    with pytest.raises(NotFound):
        room.queue.extend_lease(ADA, case.id)
    assert room.queue.take_next(officer) is not None


def test_a_reviewer_whose_rank_is_too_low_does_not_keep_an_escalated_case(room: ReviewRoom) -> None:
    senior = reviewer("sam", Role.SENIOR_REVIEWER)
    case = room.open_case("a scene")
    room.queue.take_next(ADA)
    room.queue.escalate(ADA, case.id, reason="I am not sure.")
    assert room.queue.extend_lease(ADA, case.id).leased_by is None
    taken = room.queue.take_next(senior)
    assert taken is not None
    assert taken.id == case.id


def test_no_quarantined_case_needs_a_rank_that_no_role_has(room: ReviewRoom) -> None:
    officer = reviewer("vic", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)
    case = room.open_case("a scene", quarantined=True)
    with pytest.raises(Conflict, match="no role is higher"):
        room.queue.escalate(officer, case.id, reason="I am not sure.")
    room.decide(officer, case, "refuse")

    first = room.open_case("another scene")
    room.decide(LEAD, first)
    appeal = room.open_case("", kind=CaseKind.APPEAL, video_id=first.video_id, quarantined=True)
    room.decide(officer, appeal, "uphold")


def test_late_cases_are_a_list_of_their_own(room: ReviewRoom) -> None:
    late = room.open_case("a scene")
    room.open_case("another scene", due_s=9000.0)
    room.clock.now += 1000.0
    assert [case.id for case in room.reviews.list(ADA, late=True).cases] == [late.id]


def test_another_tenant_gets_nothing(room: ReviewRoom) -> None:
    from dataclasses import replace

    case = room.open_case("a scene")
    stranger = replace(ADA, tenant="other")
    assert room.queue.take_next(stranger) is None
    with pytest.raises(NotFound):
        room.queue.skip(stranger, case.id, reason="x")


def test_the_page_after_a_case_that_comes_first_has_the_next_cases(room: ReviewRoom) -> None:
    others = {room.open_case(f"scene {number}").id for number in range(3)}
    video = room.add_video("a scene")
    with room.database.transaction(TENANT) as tx:
        first = open_case(
            tx,
            NewCase(
                video_id=video,
                kind=CaseKind.REPORT,
                stage=Stage.DELIVERY,
                due_at=tx.now() + 48 * 3600,
                category="violence",
                rule="",
                reason="",
                comes_first=True,
            ),
            actor="policy",
        )
    page = room.reviews.list(ADA, limit=1)
    assert ([case.id for case in page.cases], page.has_more) == ([first.id], True)
    assert {case.id for case in room.reviews.list(ADA, after=first.id).cases} == others


def test_a_report_with_a_shorter_clock_moves_the_notice_and_shows_the_graver_category(
    room: ReviewRoom,
) -> None:
    first = room.open_case("a scene", kind=CaseKind.REPORT, category="ip/brand", due_s=7 * 86_400)
    room.clock.now += 86_400
    room.open_case("", kind=CaseKind.REPORT, category="ncii", due_s=3600, video_id=first.video_id)
    with room.database.read_transaction(TENANT) as tx:
        (notice,) = tx.select(outbox, outbox.c.topic == "case.due_soon", outbox.c.subject == first.id)
    assert notice.due_at == room.clock.now
    (case,) = room.reviews.list(ADA).cases
    assert (case.category, case.due_at) == ("ncii", room.clock.now + 3600)
    # A later one that is milder and due later changes neither.
    room.open_case("", kind=CaseKind.REPORT, category="ip/brand", due_s=86_400, video_id=first.video_id)
    assert room.reviews.list(ADA).cases[0].category == "ncii"
