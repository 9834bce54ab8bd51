"""Earlier decisions beside a case, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.accounts import KeyScope, Principal, Role
from safelight.cases.reviews import related as related_decisions
from safelight.cases.reviews.related import MAX_AGE_S
from safelight.store.tables import cases
from safelight.videos.case_rows import Case, CaseKind
from support.review_room import ReviewRoom, reviewer

ADA = reviewer("ada")
OFFICER = reviewer("olga", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)


def opened(room: ReviewRoom, prompt: str, requested_by: str = "key_9", **fields: Any) -> Case:
    return room.open_case("", video_id=room.add_video(prompt, requested_by=requested_by), **fields)


def history(room: ReviewRoom, case: Case, who: Principal = ADA) -> list[str]:
    return [one.case_id for one in room.reviews.related(who, case.id).history]


def test_history_is_of_the_account_and_similar_cases_have_the_nearest_words_first(room: ReviewRoom) -> None:
    earlier = opened(room, "a red boat")
    room.decide(ADA, earlier, "refuse")
    for prompt in ("a fight in the street", "a quiet fight on a stage at night"):
        room.clock.now += 1
        room.decide(ADA, room.open_case(prompt))
    room.clock.now += 1
    room.decide(ADA, room.open_case("a mark", category="ip/brand"))
    case = opened(room, "a fight on a stage at night")
    related = room.reviews.related(ADA, case.id)
    assert [(one.case_id, one.action.value) for one in related.history] == [(earlier.id, "refuse")]
    assert related.similar[0].prompt == "a quiet fight on a stage at night"
    assert related.similar[0].kind is CaseKind.HOLD
    assert "a red boat" not in [one.prompt for one in related.similar]


def test_history_is_found_however_many_cases_of_others_were_decided_since(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related_decisions, "_MAX_READ", 2)
    earlier = opened(room, "a red boat")
    room.decide(ADA, earlier, "refuse")
    for prompt in ("a fight in the street", "a fight on a stage", "a fight at night"):
        room.clock.now += 1
        room.decide(ADA, room.open_case(prompt))
    assert history(room, opened(room, "a lake")) == [earlier.id]


def test_quarantined_decisions_are_shown_to_the_vault_officer_only(room: ReviewRoom) -> None:
    hidden, other = opened(room, "a scene", quarantined=True), opened(room, "another scene")
    room.decide(OFFICER, hidden)
    assert (history(room, other), history(room, other, OFFICER)) == ([], [hidden.id])
    # An ordinary case about a video that was quarantined after it.
    earlier = opened(room, "a third scene")
    room.decide(ADA, earlier)
    assert history(room, other) == [earlier.id]
    room.change_video(earlier.video_id, quarantined=True)
    assert history(room, other) == []


def test_decisions_of_more_than_90_days_ago_are_not_shown(room: ReviewRoom) -> None:
    room.decide(ADA, opened(room, "a fight"))
    room.clock.now += MAX_AGE_S / 2
    newer = opened(room, "another fight")
    room.decide(ADA, newer)
    room.clock.now += MAX_AGE_S / 2 + 1
    assert history(room, opened(room, "a fight")) == [newer.id]
    similar = room.reviews.related(ADA, opened(room, "a fight", "key_1").id).similar
    assert [one.case_id for one in similar] == [newer.id]


def test_only_the_beginning_of_a_long_prompt_is_compared(room: ReviewRoom) -> None:
    for prompt in ("a boat " * 4000, "a fight " + "x" * 31_000):
        room.decide(ADA, room.open_case(prompt))
    case = opened(room, "a boat " * 150 + "y " * 15_000)
    nearest = room.reviews.related(ADA, case.id).similar[0]
    assert nearest.prompt.startswith("a boat")
    assert len(nearest.prompt) == 1000


def test_cases_without_a_rule_are_compared_by_category(room: ReviewRoom) -> None:
    for category in ("violence", "ip/brand"):
        room.decide(ADA, room.open_case(f"a scene of {category}", category=category))
    case = opened(room, "a scene")
    with room.database.transaction(case.tenant) as tx:
        tx.update(cases, cases.c.id == case.id, rule="")
    assert [one.category for one in room.reviews.related(ADA, case.id).similar] == ["violence"]
