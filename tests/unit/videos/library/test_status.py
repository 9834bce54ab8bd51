from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.videos.library import EntryStatus, EntryUse, UseOutcome, find_status, last_proof

OFFERED = {"veo-3"}
PROOF, BLOCKED, NEUTRAL = UseOutcome.PROOF, UseOutcome.BLOCKED, UseOutcome.NEUTRAL
USE = st.builds(
    EntryUse,
    video_id=st.text("ab", min_size=1, max_size=4),
    created_at=st.floats(0, 100),
    model=st.sampled_from(["veo-2", "veo-3"]),
    outcome=st.sampled_from(UseOutcome),
)


def status(*outcomes: UseOutcome, model: str = "veo-3") -> EntryStatus:
    uses = [
        EntryUse(video_id=str(at), created_at=at, model=model, outcome=outcome)
        for at, outcome in enumerate(outcomes)
    ]
    return find_status(uses, OFFERED)


def test_an_entry_is_proven_by_a_delivered_video() -> None:
    assert status(PROOF) is EntryStatus.PROVEN
    assert status() is status(NEUTRAL) is EntryStatus.UNPROVEN


def test_two_blocked_uses_after_the_last_proof_ask_for_validation_and_one_does_not() -> None:
    assert status(PROOF, BLOCKED) is EntryStatus.PROVEN
    assert status(PROOF, BLOCKED, NEUTRAL, BLOCKED) is EntryStatus.FAILED_USES
    assert status(PROOF, BLOCKED, BLOCKED, PROOF) is EntryStatus.PROVEN
    assert status(BLOCKED, PROOF, BLOCKED) is EntryStatus.PROVEN


def test_a_model_that_is_not_offered_any_more_asks_for_validation() -> None:
    assert status(PROOF, model="veo-2") is EntryStatus.NEW_MODEL
    assert status(PROOF, model="") is EntryStatus.PROVEN


@given(st.lists(USE, max_size=8), st.randoms())
def test_the_status_does_not_depend_on_the_order_in_which_uses_are_given(
    uses: list[EntryUse], random
) -> None:  # type: ignore[no-untyped-def]
    mixed = list({(use.created_at, use.video_id): use for use in uses}.values())
    expected = find_status(mixed, OFFERED)
    random.shuffle(mixed)
    assert find_status(mixed, OFFERED) is expected


@given(st.lists(USE, max_size=8))
def test_a_proof_on_an_offered_model_after_all_other_uses_proves_the_entry(uses: list[EntryUse]) -> None:
    newest = EntryUse(video_id="z", created_at=101, model="veo-3", outcome=PROOF)
    assert find_status([newest, *uses], OFFERED) is EntryStatus.PROVEN
    assert last_proof([newest, *uses]) == newest
