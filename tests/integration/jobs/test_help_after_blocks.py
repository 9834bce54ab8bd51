"""Blocks by our policy at any gate end help for a day: for everything after two, for similar requests after
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from safelight import canonical_json
from safelight.advice.help_gate import HelpRefusal
from safelight.advice.prompt_advice import AdviceOptions
from safelight.detectors.text.sketch import sketch
from safelight.errors import RequestBlocked
from safelight.jobs.models import CreateRequest
from safelight.jobs.states import VideoState
from safelight.moderation.request import Upload
from safelight.store.tables import blocked_prompt_sketches, videos
from safelight.testing.detectors import text_marker
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.evasion.models import MAX_COMPARED_OTHERS, Requester, SimilarBlock
from safelight.trust.evasion.store import add_similar_request, delete_blocks_of_video
from safelight.trust.reviews import DecisionRequest
from support.clips import make_clip

from .conftest import House
from .test_decisions import reviewer
from .test_known_content import drawn, imported, patient, upload

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
POLICY = """
policy: house
extends: starter
rules:
  - id: held-1
    reason: A marked word.
    when: {category: deception, modality: text, score: {at_least: 0.5}}
    action: hold
"""


@pytest.fixture
def listed(furnish: Callable[..., House], tmp_path: Path) -> House:
    """A house that blocks one picture, in references and in outputs."""
    house = patient(furnish)
    imported(house, tmp_path, category="violence/graphic")
    return house


def refusal(house: House, prompt: str, user: str = "user-7", **fields: Any) -> HelpRefusal | None:
    request = CreateRequest(prompt=prompt, safety_identifier=user, **fields)
    found, _, _ = house.container.review.checks.check(house.who, request)
    return found.prompt_advice.refusal


def refusal_in_template(house: House, prompt: str, template: str, user: str = "user-7") -> HelpRefusal | None:
    request = CreateRequest(prompt=prompt, safety_identifier=user)
    options = AdviceOptions(texts={"template": template})
    found, _, _ = house.container.review.checks.check(house.who, request, options=options)
    return found.prompt_advice.refusal


def block_output(house: House, folder: Path, prompt: str, user: str = "user-7") -> None:
    odd = {20: np.asarray(Image.fromarray(drawn()).resize((320, 192)))}
    clip = make_clip(folder / "made.mp4", odd=odd)
    house.container.core.generators["storyboard"] = instant(  # type: ignore[index]
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip)}
    )
    assert house.carry(house.order(prompt, safety_identifier=user)).state is VideoState.BLOCKED


def change(house: House, **columns: Any) -> None:
    """Change the rows of all videos of the end user."""
    with house.container.persistence.database.transaction(house.who.tenant) as tx:
        tx.update(videos, videos.c.end_user == "user-7", **columns)


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
        with pytest.raises(RequestBlocked):
            listed.order(NUDE, safety_identifier="user-7")
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


def test_a_block_of_a_prompt_and_one_of_an_output_are_two(listed: House, tmp_path: Path) -> None:
    assert refusal(listed, "a nude woman on a stage") is HelpRefusal.POLICY
    block_output(listed, tmp_path, HARBOUR)
    assert refusal(listed, UNLIKE) is HelpRefusal.TWO_BLOCKS


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


def test_a_request_that_a_reviewer_rejects_counts(furnish: Callable[..., House], tmp_path: Path) -> None:
    document = tmp_path / "house.yaml"
    document.write_text(POLICY)
    house = furnish(text_marker(category="deception", score=0.9), policy={"document": str(document)})
    house.waive()
    house.order(f"{HARBOUR} MARKER", safety_identifier="user-7")
    assert refusal(house, SIMILAR) is None
    ada = Principal(
        tenant=house.who.tenant,
        id="ada",
        kind=PrincipalKind.PERSON,
        name="ada",
        scopes=frozenset({KeyScope.REVIEW}),
    )
    reviews = house.container.review.reviews
    (case,) = reviews.list(ada).cases
    reviews.decide(ada, case.id, DecisionRequest(action="refuse", reason="Looked at it.", **house.ground()))
    assert refusal(house, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_a_block_is_forgotten_after_a_day(listed: House, tmp_path: Path) -> None:
    block_output(listed, tmp_path, HARBOUR)
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        day_ago = tx.now() - 86_401
        tx.update(videos, videos.c.end_user == "user-7", ended_at=day_ago, updated_at=day_ago)
    assert refusal(listed, SIMILAR) is None


def test_blocks_by_a_provider_do_not_count(house: House, upstream: ScriptedUpstream) -> None:
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error}})
    for _ in range(2):
        done = house.carry(house.order(HARBOUR, model="paid-1", safety_identifier="user-7"))
        assert (done.state, (done.explanation or {})["source"]) == (VideoState.BLOCKED, "provider")
    assert refusal(house, SIMILAR) is None


def test_a_block_by_a_missing_check_does_not_count_and_one_by_a_reviewer_does(
    listed: House, tmp_path: Path
) -> None:
    block_output(listed, tmp_path, HARBOUR)
    gap = b'{"categories":[],"not_checked":["violence in image"]}'
    change(listed, explanation=gap)
    assert refusal(listed, SIMILAR) is None
    change(listed, hold_stage="output")
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_blocks_that_do_not_count_hide_no_older_one(listed: House, tmp_path: Path) -> None:
    block_output(listed, tmp_path, HARBOUR)
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        (row,) = tx.select(videos)
        for number in range(9):
            card = {
                "id": f"video_{number}",
                "ended_at": row.ended_at + 1,
                "explanation": b'{"test_card":true}',
            }
            tx.insert(videos, **{**row._asdict(), **card, "created_at": row.created_at + number + 1})
    assert refusal(listed, SIMILAR) is HelpRefusal.RECENT_BLOCK


def test_a_negated_text_of_a_later_block_is_not_compared(listed: House, tmp_path: Path) -> None:
    block_output(listed, tmp_path, HARBOUR)
    texts = {"prompt": "a red kite over green hills", "negative_prompt": HARBOUR}
    change(listed, request=canonical_json.encode({"texts": texts, "negated": ["negative_prompt"]}))
    assert refusal(listed, SIMILAR) is None


def test_a_prompt_whose_block_an_appeal_reversed_does_not_count(listed: House) -> None:
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    with pytest.raises(RequestBlocked) as caught:
        listed.order(NUDE, safety_identifier="user-7")
    with pytest.raises(RequestBlocked):
        listed.order(TERROR, safety_identifier="user-7")
    assert refusal(listed, UNLIKE) is HelpRefusal.TWO_BLOCKS
    video_id = str(caught.value.details["video_id"])
    made = listed.container.review.appeals.add(listed.who, video_id, text="It is a play.")
    listed.container.review.reviews.decide(
        reviewer(listed), made.case_id, DecisionRequest(action="overturn", reason="Looked at it.", clause="x")
    )
    assert refusal(listed, UNLIKE) is None
    tracker = listed.container.persistence.evasion_tracker
    assert not tracker.find_match(listed.who, "user-7", {"prompt": NUDE})
    assert tracker.find_match(listed.who, "user-7", {"prompt": TERROR})


def test_the_safety_test_card_does_not_count(listed: House, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(RequestBlocked):
            listed.order("SAFELIGHT-TEST:violence", safety_identifier="user-7")
    block_output(listed, tmp_path, HARBOUR)
    change(listed, explanation=b'{"test_card":true}')
    assert refusal(listed, SIMILAR) is None


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
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        block, similar = tx.select(blocked_prompt_sketches, order_by=(blocked_prompt_sketches.c.id,))
        assert (block.blocked, similar.blocked, similar.at) == (True, False, block.at)
        assert len(tracker.recent_blocks(tx, listed.who, "user-7")) == 1
        tx.update(blocked_prompt_sketches, at=tx.now() - 86_401)
    assert refusal(listed, SIMILAR_TO_NUDE) is None


def test_another_end_user_of_the_key_gets_no_help_for_a_paraphrase(listed: House) -> None:
    refusal(listed, NUDE)
    assert refusal(listed, "a bare woman dancing on a stage", "user-8") is HelpRefusal.BLOCK_OF_ANOTHER
    assert refusal(listed, SIMILAR_TO_NUDE, "user-9") is None
    listed.who = replace(listed.who, id="another key")
    assert refusal(listed, "a bare woman dancing on a stage", "user-9") is None


def test_a_request_that_is_similar_to_a_block_of_another_end_user_is_not_remembered(listed: House) -> None:
    refusal(listed, NUDE)
    assert refusal(listed, "a young woman dancing on a stage", "user-8") is HelpRefusal.BLOCK_OF_ANOTHER
    with listed.container.persistence.database.read_transaction(listed.who.tenant) as tx:
        assert [row.subject for row in tx.select(blocked_prompt_sketches)] == ["end_user:user-7"]
    assert refusal(listed, SIMILAR_TO_NUDE, "user-8") is None


def test_an_appeal_that_reverses_a_block_also_ends_the_refusals_of_similar_requests(listed: House) -> None:
    with pytest.raises(RequestBlocked) as caught:
        listed.order(NUDE, safety_identifier="user-7")
    assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    made = listed.container.review.appeals.add(
        listed.who, str(caught.value.details["video_id"]), text="It is a play."
    )
    listed.container.review.reviews.decide(
        reviewer(listed), made.case_id, DecisionRequest(action="overturn", reason="Looked at it.", clause="x")
    )
    assert refusal(listed, SIMILAR_TO_NUDE) is None


def test_a_template_that_all_requests_share_ends_no_help_after_a_block(listed: House) -> None:
    assert refusal_in_template(listed, NUDE, TEMPLATE) is HelpRefusal.POLICY
    assert refusal_in_template(listed, UNLIKE, TEMPLATE) is None
    assert refusal_in_template(listed, UNLIKE, TEMPLATE, "user-8") is None
    # A similar request does not make the template similar either.
    assert refusal_in_template(listed, SIMILAR_TO_NUDE, TEMPLATE) is HelpRefusal.RECENT_BLOCK
    assert refusal_in_template(listed, UNLIKE, TEMPLATE) is None
    tracker = listed.container.persistence.evasion_tracker
    assert not tracker.find_match(listed.who, "user-7", {"prompt": UNLIKE, "template": TEMPLATE})


def test_a_block_is_recognized_in_the_template_of_a_later_request(listed: House) -> None:
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    reworded = "a bare woman dancing on a stage"
    assert refusal_in_template(listed, UNLIKE, reworded) is HelpRefusal.RECENT_BLOCK


def test_a_template_that_was_itself_the_reason_of_a_block_is_remembered(listed: House) -> None:
    assert refusal_in_template(listed, "a quiet morning", NUDE) is HelpRefusal.POLICY
    assert refusal(listed, "a bare woman dancing on a stage") is HelpRefusal.RECENT_BLOCK


def test_an_appeal_that_reverses_a_block_of_an_output_ends_its_refusals_and_no_others(
    listed: House, tmp_path: Path
) -> None:
    refusal(listed, NUDE)
    assert refusal(listed, SIMILAR_TO_NUDE) is HelpRefusal.RECENT_BLOCK
    block_output(listed, tmp_path, HARBOUR)
    refusal(listed, SIMILAR)
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        (video,) = tx.select(videos)
        similar = tx.select(blocked_prompt_sketches, ~blocked_prompt_sketches.c.blocked)
        assert video.id in {row.lineage for row in similar}
        delete_blocks_of_video(tx, video.id)
        left = tx.select(blocked_prompt_sketches)
    (block,) = (row for row in left if row.blocked)
    assert [row.lineage for row in left if not row.blocked] == [block.id]


def test_the_next_similar_request_deletes_sketches_of_another_day(listed: House) -> None:
    refusal(listed, NUDE, "user-8")
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        tx.update(blocked_prompt_sketches, at=tx.now() - 86_401)
        requester = Requester(subject="end_user:user-7", account="key:1")
        block = SimilarBlock(id="sketch_1", at=tx.now(), own=True)
        add_similar_request(tx, requester, sketch=b"", block=block)
        (row,) = tx.select(blocked_prompt_sketches)
    assert (row.subject, row.lineage) == ("end_user:user-7", "sketch_1")


def test_many_similar_requests_end_help_instead_of_displacing_the_first_ones(listed: House) -> None:
    refusal(listed, NUDE)
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        (row,) = tx.select(blocked_prompt_sketches)
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
    with listed.container.persistence.database.transaction(listed.who.tenant) as tx:
        assert len(tx.select(blocked_prompt_sketches)) == 1 + MAX_COMPARED_OTHERS
        tx.update(blocked_prompt_sketches, at=tx.now() - 86_401)
    assert refusal(listed, UNLIKE) is None
