"""Earlier decisions beside a case, on both databases."""

from __future__ import annotations

from safelight.trust.accounts import KeyScope, Role
from safelight.trust.reviews import CaseKind
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


def test_quarantined_decisions_are_shown_to_the_vault_officer_only(room: ReviewRoom) -> None:
    video = room.add_video("a scene", requested_by="key_9")
    room.decide(OFFICER, room.open_case("", video_id=video, quarantined=True))
    other = room.open_case("", video_id=room.add_video("another scene", requested_by="key_9"))
    assert room.reviews.related(ADA, other.id).history == ()
    assert len(room.reviews.related(OFFICER, other.id).history) == 1
