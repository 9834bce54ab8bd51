from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.web.console.studio_pages import form_of
from support.fake_api_server import a_video


@pytest.mark.parametrize(("stage", "blocked"), [("input", "request"), ("output", "output"), ("unknown", "")])
def test_a_video_that_a_provider_blocked_fills_in_provider_and_stage(stage: str, blocked: str) -> None:
    details = {"source": "provider", "moderation_stage": stage}
    video = replace(a_video(), model="veo-3.1", prompt="a lake", explanation=details)
    filled = {"prompt": "a lake", "model": "veo-3.1", "provider": "veo", "blocked": blocked}
    assert form_of(video) == filled
    assert form_of(replace(video, model="my-model"))["provider"] == ""


def test_a_video_that_our_policy_blocked_fills_in_only_its_prompt() -> None:
    video = replace(a_video(), model="veo-3.1", prompt="a lake", explanation={"moderation_stage": "input"})
    assert form_of(video) == {"prompt": "a lake"}
