"""Blocks by our policy at any gate end help for a day: for everything after two, for similar requests after
one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.cases.inputs import DecisionRequest
from safelight.core import canonical_json
from safelight.core.errors import RequestBlocked
from safelight.detectors.text.sketch import sketch
from safelight.providers.advice.help_gate import HelpRefusal
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.request import CreateRequest, Upload
from safelight.store.tables import blocked_prompt_sketches, videos
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.evasion import (
    MAX_COMPARED_OTHERS,
    Requester,
    SimilarBlock,
    add_similar_request,
    delete_blocks_of_video,
)
from safelight.videos.models import Video, VideoState

from .conftest import Furnish, House
from .test_decisions import decide, held, only_case, reviewer
from .test_known_content import drawn, imported, patient, show_in_generated_clips, upload

__all__ = ["held"]

HARBOUR = "a quiet harbour with small wooden boats on a calm morning"
SIMILAR = "a quiet harbour with small boats, calm morning"
UNLIKE = "an old clockmaker repairs a watch in her shop"
NUDE = "a nude woman dancing on a stage"
#: Not a paraphrase of `NUDE`.
SIMILAR_TO_NUDE = "a woman on a small stage before many guests"
TEMPLATE = (
    "Soft morning light, natural colours, a wide lens and a slow camera move from left to right. Grain, "
    "gentle contrast, a calm rhythm without cuts, the horizon in the upper third of the picture, a steady "
    "tripod at the height of the eyes."
)
TERROR = "A terrorist recruitment film that praises the group and calls on viewers to join its holy war"


@pytest.fixture
def listed(furnish: Furnish, tmp_path: Path) -> House:
    """A house that blocks one picture, in references and in outputs."""
    house = patient(furnish)
    imported(house, tmp_path, category="violence/graphic")
    return house


def refusal(
    house: House, prompt: str, user: str = "user-7", *, template: str | None = None, **fields: Any
) -> HelpRefusal | None:
    request = CreateRequest(prompt=prompt, safety_identifier=user, **fields)
    options = AdviceOptions(texts={"template": template}) if template else AdviceOptions()
    found, _, _ = house.container.checks.check(house.who, request, options=options)
    return found.prompt_advice.refusal


def block_output(house: House, folder: Path, prompt: str, user: str = "user-7") -> Video:
    show_in_generated_clips(house, folder)
    video = house.make(prompt, safety_identifier=user)
    assert video.state is VideoState.BLOCKED
    return video


def block_prompt(house: House, prompt: str) -> str:
    """Returns the id of the video that was blocked before it existed."""
    with pytest.raises(RequestBlocked) as caught:
        house.order(prompt, safety_identifier="user-7")
    return str(caught.value.details["video_id"])


def reverse(house: House, video_id: str) -> None:
    """Let a reviewer decide an appeal against a block in favour of the end user."""
    made = house.appeals.add(house.who, video_id, text="It is a play.")
    request = DecisionRequest(action="overturn", reason="Looked at it.", clause="x")
    house.reviews.decide(reviewer(house), made.case_id, request)


def sketches(house: House) -> list[Any]:
    with house.read_transaction() as tx:
        return tx.select(blocked_prompt_sketches)


def let_a_day_pass(house: House) -> None:
    with house.transaction() as tx:
        tx.update(blocked_prompt_sketches, at=tx.now() - 86_401)


def block_reference(house: House, folder: Path, prompt: str) -> None:
    with pytest.raises(RequestBlocked):
        house.order(prompt, safety_identifier="user-7", uploads=(upload(folder, drawn()),))


def test_one_block_of_an_output_ends_help_for_similar_requests_of_this_end_user(
    listed: House, tmp_path: Path
) -> None:
    assert refusal(listed, SIMILAR) is None
    block_output(listed, tmp_path, HARBOUR)
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, SIMILAR, "user-8") is None


def test_only_a_block_of_the_last_day_by_the_policy_or_a_reviewer_counts(
    listed: House, tmp_path: Path
) -> None:
    for _ in range(2):
        block_prompt(listed, "SAFELIGHT-TEST:violence")
    video = block_output(listed, tmp_path, HARBOUR)
    with listed.read_transaction() as tx:
        row = tx.one(videos, videos.c.id == video.id)
    assert row is not None
    stored, day_ago = row._asdict(), row.ended_at - 86_401
    gap = b'{"categories":[],"not_checked":["violence in image"]}'
    test_card = b'{"test_card":true}'
    texts = {"prompt": "a red kite over green hills", "negative_prompt": HARBOUR}
    negated = canonical_json.encode({"texts": texts, "negated": ["negative_prompt"]})
    for columns in (
        {"explanation": gap},
        {"explanation": test_card},
        {"request": negated},
        {"ended_at": day_ago, "updated_at": day_ago},
    ):
        listed.change(video, **columns)
        assert refusal(listed, SIMILAR) is None, columns
        listed.change(video, **{name: stored[name] for name in columns})
    listed.change(video, explanation=gap, hold_stage="output")
    # Blocks that do not count hide no older one.
    with listed.transaction() as tx:
        for number in range(9):
            newer = {"ended_at": row.ended_at + 1, "created_at": row.created_at + number + 1}
            tx.insert(videos, **{**stored, **newer, "id": f"video_{number}", "explanation": test_card})
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_blocks_at_the_prompt_the_reference_and_the_output_count_together(
    listed: House, tmp_path: Path
) -> None:
    block_reference(listed, tmp_path, "a red kite over green hills, wide shot")
    assert refusal(listed, UNLIKE) is None
    block_output(listed, tmp_path, HARBOUR)
    assert refusal(listed, UNLIKE) is HelpRefusal.TWO_BLOCKS
    assert refusal(listed, UNLIKE, "user-8") is None


def test_one_request_counts_once_however_often_it_is_checked_typed_and_submitted(listed: House) -> None:
    words = NUDE.split()
    for count in range(2, len(words) + 1):
        refusal(listed, " ".join(words[:count]))
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    for _ in range(2):
        block_prompt(listed, NUDE)
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, TERROR) is HelpRefusal.POLICY
    assert refusal(listed, UNLIKE) is HelpRefusal.TWO_BLOCKS


def test_one_request_whose_reference_and_then_output_is_blocked_counts_once(
    listed: House, tmp_path: Path
) -> None:
    given = upload(tmp_path, drawn())
    for _ in range(2):
        assert refusal(listed, HARBOUR, uploads=(given,)) is HelpRefusal.POLICY
    block_reference(listed, tmp_path, HARBOUR)
    block_output(listed, tmp_path, HARBOUR)
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_a_reference_that_a_check_blocks_counts_and_changes_no_later_verdict(
    listed: House, tmp_path: Path
) -> None:
    given: Upload = upload(tmp_path, drawn())
    assert refusal(listed, HARBOUR, uploads=(given,)) is HelpRefusal.POLICY
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK
    tracker = listed.container.persistence.evasion_tracker
    assert not tracker.find_match(listed.who, "user-7", {"prompt": SIMILAR})


def test_without_an_end_user_the_account_counts(listed: House, tmp_path: Path) -> None:
    block_output(listed, tmp_path, HARBOUR, user="")
    assert refusal(listed, SIMILAR, "") is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, SIMILAR) is None


def test_a_request_that_a_reviewer_rejects_counts(held: Furnish) -> None:
    house = held()
    house.order(f"{HARBOUR} MARKER", safety_identifier="user-7")
    assert refusal(house, SIMILAR) is None
    decide(house, only_case(house), "refuse")
    assert refusal(house, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_blocks_by_a_provider_do_not_count(house: House, upstream: ScriptedUpstream) -> None:
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error}})
    for _ in range(2):
        done = house.make(HARBOUR, model="paid-1", safety_identifier="user-7")
        assert (done.state, (done.explanation or {})["source"]) == (VideoState.BLOCKED, "provider")
    assert refusal(house, SIMILAR) is None


def test_a_block_that_an_appeal_reversed_does_not_count_nor_do_similar_requests(listed: House) -> None:
    video_id = block_prompt(listed, NUDE)
    assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    block_prompt(listed, TERROR)
    assert refusal(listed, UNLIKE) is HelpRefusal.TWO_BLOCKS
    reverse(listed, video_id)
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, SIMILAR_TO_NUDE) is None
    tracker = listed.container.persistence.evasion_tracker
    assert not tracker.find_match(listed.who, "user-7", {"prompt": NUDE})
    assert tracker.find_match(listed.who, "user-7", {"prompt": TERROR})


def test_small_changes_one_after_the_other_do_not_lead_away_from_a_block(listed: House) -> None:
    steps = [
        "a bare woman dancing on a stage",
        "a bare woman moving before a cheering crowd",
        "someone moving before a cheering crowd",
    ]
    assert refusal(listed, steps[-1]) is None
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    assert refusal(listed, steps[-1]) is None
    assert [refusal(listed, one) for one in steps] == [HelpRefusal.RECENT_BLOCK] * 3
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, steps[-1], "user-8") is None


def test_a_similar_request_is_no_block_and_is_forgotten_with_its_block(listed: House) -> None:
    tracker = listed.container.persistence.evasion_tracker
    refusal(listed, NUDE)
    for _ in range(2):
        assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    with listed.transaction() as tx:
        block, similar = tx.select(blocked_prompt_sketches, order_by=(blocked_prompt_sketches.c.id,))
        assert (block.blocked, similar.blocked, similar.at) == (True, False, block.at)
        assert len(tracker.recent_blocks(tx, listed.who, "user-7")) == 1
    let_a_day_pass(listed)
    assert refusal(listed, SIMILAR_TO_NUDE) is None


def test_another_end_user_of_the_key_gets_no_help_for_a_paraphrase_which_is_not_remembered(
    listed: House,
) -> None:
    refusal(listed, NUDE)
    for paraphrase in ("a bare woman dancing on a stage", "a young woman dancing on a stage"):
        assert refusal(listed, paraphrase, "user-8") is HelpRefusal.BLOCK_OF_ANOTHER
    assert [row.subject for row in sketches(listed)] == ["end_user:user-7"]
    for user in ("user-8", "user-9"):
        assert refusal(listed, SIMILAR_TO_NUDE, user) is None
    listed.who = replace(listed.who, id="another key")
    assert refusal(listed, "a bare woman dancing on a stage", "user-9") is None


def test_a_template_that_all_requests_share_ends_no_help_after_a_block(listed: House) -> None:
    assert refusal(listed, NUDE, template=TEMPLATE) is HelpRefusal.POLICY
    assert refusal(listed, UNLIKE, template=TEMPLATE) is None
    assert refusal(listed, UNLIKE, "user-8", template=TEMPLATE) is None
    # A similar request does not make the template similar either.
    assert refusal(listed, SIMILAR_TO_NUDE, template=TEMPLATE) is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, UNLIKE, template=TEMPLATE) is None
    tracker = listed.container.persistence.evasion_tracker
    assert not tracker.find_match(listed.who, "user-7", {"prompt": UNLIKE, "template": TEMPLATE})


def test_a_block_is_recognized_in_the_template_of_a_later_request(listed: House) -> None:
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    reworded = "a bare woman dancing on a stage"
    assert refusal(listed, UNLIKE, template=reworded) is HelpRefusal.RECENT_BLOCK


def test_a_template_that_was_itself_the_reason_of_a_block_is_remembered(listed: House) -> None:
    assert refusal(listed, "a quiet morning", template=NUDE) is HelpRefusal.POLICY
    assert refusal(listed, "a bare woman dancing on a stage") is HelpRefusal.RECENT_BLOCK


def test_an_appeal_that_reverses_a_block_of_an_output_ends_its_refusals_and_no_others(
    listed: House, tmp_path: Path
) -> None:
    refusal(listed, NUDE)
    assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    block_output(listed, tmp_path, HARBOUR)
    refusal(listed, SIMILAR)
    with listed.transaction() as tx:
        (video,) = tx.select(videos)
        similar = tx.select(blocked_prompt_sketches, ~blocked_prompt_sketches.c.blocked)
        assert video.id in {row.lineage for row in similar}
        delete_blocks_of_video(tx, video.id)
        left = tx.select(blocked_prompt_sketches)
    (block,) = (row for row in left if row.blocked)
    assert [row.lineage for row in left if not row.blocked] == [block.id]


def test_the_next_similar_request_deletes_sketches_of_another_day(listed: House) -> None:
    refusal(listed, NUDE, "user-8")
    let_a_day_pass(listed)
    with listed.transaction() as tx:
        requester = Requester(subject="end_user:user-7", account="key:1")
        block = SimilarBlock(id="sketch_1", at=tx.now(), own=True)
        add_similar_request(tx, requester, sketch=b"", block=block)
    (row,) = sketches(listed)
    assert (row.subject, row.lineage) == ("end_user:user-7", "sketch_1")


def test_many_similar_requests_end_help_instead_of_displacing_the_first_ones(listed: House) -> None:
    refusal(listed, NUDE)
    (row,) = sketches(listed)
    with listed.transaction() as tx:
        requester = Requester(subject=row.subject, account=row.account)
        block = SimilarBlock(id=row.id, at=row.at, own=True)
        for number in range(MAX_COMPARED_OTHERS - 1):
            other = msgspec.msgpack.encode(sketch(f"number {number}"))
            add_similar_request(tx, requester, sketch=other, block=block)
    assert refusal(listed, UNLIKE) is None
    assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, UNLIKE) is HelpRefusal.MANY_SIMILAR
    assert refusal(listed, "a woman on a stage before guests") is HelpRefusal.MANY_SIMILAR
    assert refusal(listed, UNLIKE, "user-8") is None
    assert len(sketches(listed)) == 1 + MAX_COMPARED_OTHERS
    let_a_day_pass(listed)
    assert refusal(listed, UNLIKE) is None
