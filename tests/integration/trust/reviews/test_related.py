"""Earlier decisions beside a case, on both databases."""

from __future__ import annotations

import pytest

from safelight.store.tables import cases
from safelight.trust.accounts import KeyScope, Role
from safelight.trust.reviews import CaseKind
from safelight.trust.reviews import related as related_decisions
from safelight.trust.reviews.related import MAX_AGE_S
from support.review_room import ReviewRoom, reviewer

ADA = reviewer("ada")
OFFICER = reviewer("olga", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)


def test_history_is_of_the_account_and_similar_cases_have_the_nearest_words_first(room: ReviewRoom) -> None:
    earlier = room.open_case("a red boat", video_id=room.add_video("a red boat", requested_by="key_9"))
    room.decide(ADA, earlier, "refuse")
    for prompt in ("a fight in the street", "a quiet fight on a stage at night"):
        room.clock.now += 1
        room.decide(ADA, room.open_case(prompt))
    room.clock.now += 1
    room.decide(ADA, room.open_case("a mark", category="ip/brand"))
    video = room.add_video("a fight on a stage at night", requested_by="key_9")
    case = room.open_case("", video_id=video)
    related = room.reviews.related(ADA, case.id)
    assert [(one.case_id, one.action.value) for one in related.history] == [(earlier.id, "refuse")]
    assert related.similar[0].prompt == "a quiet fight on a stage at night"
    assert related.similar[0].kind is CaseKind.HOLD
    assert "a red boat" not in [one.prompt for one in related.similar]


def test_history_is_found_however_many_cases_of_others_were_decided_since(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related_decisions, "_MAX_READ", 2)
    earlier = room.open_case("", video_id=room.add_video("a red boat", requested_by="key_9"))
    room.decide(ADA, earlier, "refuse")
    for prompt in ("a fight in the street", "a fight on a stage", "a fight at night"):
        room.clock.now += 1
        room.decide(ADA, room.open_case(prompt))
    case = room.open_case("", video_id=room.add_video("a lake", requested_by="key_9"))
    assert [one.case_id for one in room.reviews.related(ADA, case.id).history] == [earlier.id]


def test_quarantined_decisions_are_shown_to_the_vault_officer_only(room: ReviewRoom) -> None:
    video = room.add_video("a scene", requested_by="key_9")
    room.decide(OFFICER, room.open_case("", video_id=video, quarantined=True))
    other = room.open_case("", video_id=room.add_video("another scene", requested_by="key_9"))
    assert room.reviews.related(ADA, other.id).history == ()
    assert len(room.reviews.related(OFFICER, other.id).history) == 1


def test_decisions_of_more_than_90_days_ago_are_not_shown(room: ReviewRoom) -> None:
    old = room.open_case("a fight", video_id=room.add_video("a fight", requested_by="key_9"))
    room.decide(ADA, old)
    room.clock.now += MAX_AGE_S / 2
    newer = room.open_case("another fight", video_id=room.add_video("another fight", requested_by="key_9"))
    room.decide(ADA, newer)
    room.clock.now += MAX_AGE_S / 2 + 1
    for requested_by, shown in (("key_9", "history"), ("key_1", "similar")):
        case = room.open_case("", video_id=room.add_video("a fight", requested_by=requested_by))
        related = room.reviews.related(ADA, case.id)
        assert [one.case_id for one in getattr(related, shown)] == [newer.id]


def test_only_the_beginning_of_a_long_prompt_is_compared(room: ReviewRoom) -> None:
    for prompt in ("a boat " * 4000, "a fight " + "x" * 31_000):
        room.decide(ADA, room.open_case(prompt))
    case = room.open_case("", video_id=room.add_video("a boat " * 150 + "y " * 15_000, requested_by="key_9"))
    nearest = room.reviews.related(ADA, case.id).similar[0]
    assert nearest.prompt.startswith("a boat")
    assert len(nearest.prompt) == 1000


def test_cases_without_a_rule_are_compared_by_category(room: ReviewRoom) -> None:
    for category in ("violence", "ip/brand"):
        room.decide(ADA, room.open_case(f"a scene of {category}", category=category))
    case = room.open_case("", video_id=room.add_video("a scene", requested_by="key_9"))
    with room.database.transaction(case.tenant) as tx:
        tx.update(cases, cases.c.id == case.id, rule="")
    assert [one.category for one in room.reviews.related(ADA, case.id).similar] == ["violence"]
