"""A block by our policy at any gate ends help for an hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import RequestBlocked
from safelight.providers.advice.help_gate import HelpRefusal
from safelight.store.tables import blocked_prompt_sketches, videos
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import Video, VideoState
from safelight.videos.requests.request import CreateRequest

from .conftest import Furnish, House
from .test_decisions import decide, held, only_case, reviewer
from .test_evasion import find_match
from .test_known_content import drawn, imported, patient, show_in_generated_clips, upload

__all__ = ["held"]

HARBOUR = "a quiet harbour with small wooden boats on a calm morning"
UNLIKE = "an old clockmaker repairs a watch in her shop"
NUDE = "a nude woman dancing on a stage"


@pytest.fixture
def listed(furnish: Furnish, tmp_path: Path) -> House:
    """A house that blocks one picture, in references and in outputs."""
    house = patient(furnish)
    imported(house, tmp_path, category="violence/graphic")
    return house


def refusal(house: House, prompt: str, user: str = "user-7", **fields: Any) -> HelpRefusal | None:
    request = CreateRequest(prompt=prompt, safety_identifier=user, **fields)
    found, _, _ = house.container.checks.check(house.who, request)
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


def test_a_block_of_an_output_ends_help_for_this_end_user(listed: House, tmp_path: Path) -> None:
    assert refusal(listed, UNLIKE) is None
    block_output(listed, tmp_path, HARBOUR)
    assert refusal(listed, UNLIKE) is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, UNLIKE, "user-8") is None


def test_only_a_block_of_the_last_hour_by_the_policy_or_a_reviewer_counts(
    listed: House, tmp_path: Path
) -> None:
    block_prompt(listed, "SAFELIGHT-TEST:violence")
    video = block_output(listed, tmp_path, HARBOUR)
    with listed.read_transaction() as tx:
        row = tx.one(videos, videos.c.id == video.id)
    assert row is not None
    stored, hour_ago = row._asdict(), row.ended_at - 3_601
    gap = b'{"categories":[],"not_checked":["violence in image"]}'
    for columns in (
        {"explanation": gap},
        {"explanation": b'{"test_card":true}'},
        {"ended_at": hour_ago, "updated_at": hour_ago},
    ):
        listed.change(video, **columns)
        assert refusal(listed, UNLIKE) is None, columns
        listed.change(video, **{name: stored[name] for name in columns})
    listed.change(video, explanation=gap, hold_stage="output")
    assert refusal(listed, UNLIKE) is HelpRefusal.RECENT_BLOCK


def test_a_blocked_prompt_ends_help_for_an_hour_and_stays_a_paraphrase_for_a_day(listed: House) -> None:
    assert refusal(listed, NUDE) is HelpRefusal.POLICY
    assert refusal(listed, UNLIKE) is HelpRefusal.RECENT_BLOCK
    with listed.transaction() as tx:
        tx.update(blocked_prompt_sketches, at=tx.now() - 3_601)
    assert refusal(listed, UNLIKE) is None
    assert find_match(listed, NUDE)


def test_a_reference_that_a_check_blocks_counts_and_changes_no_later_verdict(
    listed: House, tmp_path: Path
) -> None:
    assert refusal(listed, HARBOUR, uploads=(upload(tmp_path, drawn()),)) is HelpRefusal.POLICY
    assert refusal(listed, UNLIKE) is HelpRefusal.RECENT_BLOCK
    assert not find_match(listed, HARBOUR)


def test_without_an_end_user_the_account_counts(listed: House, tmp_path: Path) -> None:
    block_output(listed, tmp_path, HARBOUR, user="")
    assert refusal(listed, UNLIKE, "") is HelpRefusal.RECENT_BLOCK
    assert refusal(listed, UNLIKE) is None


def test_a_request_that_a_reviewer_rejects_counts(held: Furnish) -> None:
    house = held()
    house.order(f"{HARBOUR} MARKER", safety_identifier="user-7")
    assert refusal(house, UNLIKE) is None
    decide(house, only_case(house), "refuse")
    assert refusal(house, UNLIKE) is HelpRefusal.RECENT_BLOCK


def test_blocks_by_a_provider_do_not_count(house: House, upstream: ScriptedUpstream) -> None:
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error}})
    done = house.make(HARBOUR, model="paid-1", safety_identifier="user-7")
    assert (done.state, (done.explanation or {})["source"]) == (VideoState.BLOCKED, "provider")
    assert refusal(house, HARBOUR) is None


def test_a_block_that_an_appeal_reversed_does_not_count(listed: House) -> None:
    video_id = block_prompt(listed, NUDE)
    assert refusal(listed, UNLIKE) is HelpRefusal.RECENT_BLOCK
    reverse(listed, video_id)
    assert refusal(listed, UNLIKE) is None
    assert not find_match(listed, NUDE)
