from __future__ import annotations

import pytest

from safelight.videos.models import QueueStatus, VideoState
from safelight.web.console.video_card import video_card
from safelight.web.translations import load_languages
from support.fake_api_server import a_video
from support.rows import each_row

EN = load_languages()["en"]
NOW = 1_795_000_000.0


@pytest.mark.parametrize("state", VideoState)
def test_only_a_delivered_video_with_a_file_has_a_thumbnail(state: VideoState) -> None:
    card = video_card(a_video(state=state, created_at=NOW, expires_at=NOW + 60), NOW, EN)
    assert (card.thumbnail_url is not None) == (state is VideoState.DELIVERED)
    expired = video_card(a_video(state=state, created_at=NOW, expires_at=NOW - 1), NOW, EN)
    assert expired.thumbnail_url is None


def test_a_waiver_is_amber_and_never_the_green_tick() -> None:
    card = video_card(a_video(state=VideoState.DELIVERED, waived=True), NOW, EN)
    assert (card.tone, card.state) == ("waived", "Allowed under a waiver")
    assert video_card(a_video(state=VideoState.WITHDRAWN, waived=True), NOW, EN).tone == "block"


def test_a_video_that_was_approved_without_all_checks_is_amber_too() -> None:
    card = video_card(a_video(state=VideoState.DELIVERED, reviewed=True, gaps_approved=True), NOW, EN)
    assert (card.tone, card.state) == ("waived", "Approved with checks missing")


@each_row
def test_a_card_names_model_length_and_charge(charge: dict[str, object], fact: str) -> None:
    video = a_video(state=VideoState.DELIVERED, outcome_summary={"charge": charge})
    assert video_card(video, NOW, EN).facts == ("shelf-1", "4 s", fact)


@each_row
def test_the_age_is_a_duration_and_then_a_date(age_s: float, text: str) -> None:
    assert video_card(a_video(created_at=NOW - age_s), NOW, EN).age == text


def test_the_reason_of_a_vaulted_video_is_not_on_its_card() -> None:
    card = video_card(a_video(state=VideoState.BLOCKED, vaulted=True), NOW, EN)
    assert (card.state, card.tone) == ("Blocked", "block")


@pytest.mark.parametrize("state", [VideoState.REJECTED, VideoState.BLOCKED])
def test_the_card_of_a_vaulted_video_has_neither_prompt_nor_stage(state: VideoState) -> None:
    card = video_card(a_video(state=state, vaulted=True, prompt="private words"), NOW, EN)
    assert (card.state, card.prompt) == ("Blocked", "")


def test_a_blocked_prompt_says_that_it_was_blocked_before_generation() -> None:
    card = video_card(a_video(state=VideoState.REJECTED), NOW, EN)
    assert (card.state, card.tone, card.in_progress) == ("Blocked before generation", "block", False)


def test_a_generator_that_takes_no_requests_is_named_instead_of_a_progress() -> None:
    queue = QueueStatus(place=None, not_taken=True)
    card = video_card(a_video(state=VideoState.GENERATING, queue=queue), NOW, EN)
    assert (card.state, card.percent) == ("The generator takes no requests at the moment", None)
