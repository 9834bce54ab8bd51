from __future__ import annotations

import re
from typing import Any

import pytest

from safelight.core.errors import DeadlineExceeded
from safelight.policy.findings import SHIPPED, Stage
from safelight.providers.protocol import Charge, ChargeStatus, ProviderRefusal
from safelight.providers.provider_refusal import explain_refusal
from safelight.videos.failure_message import describe_failure
from safelight.videos.models import FIRST_OUTPUT, Video, VideoState
from safelight.videos.outcomes import FIRST_OUTPUT_SENTENCE, explain_first_output
from safelight.web.api.serializers import video_object
from safelight.web.api.shown_video import translate_video
from safelight.web.translations import load_languages
from support.fake_api_server import a_video

CHINESE = pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])


def in_chinese(text: str) -> bool:
    return bool(re.search("[\u4e00-\u9fff]", text)) and not re.search("[a-z]{3} [a-z]{2}", text)


def shown(video: Video, tag: str) -> dict[str, Any]:
    return translate_video(video_object(video), video, None, SHIPPED, load_languages()[tag])


def refused_by_provider() -> Video:
    refusal = ProviderRefusal(
        provider="",
        stage="output",
        category="",
        code="",
        message="",
        charged=ChargeStatus.NO,
        retry="new_seed",
    )
    sentence, details = explain_refusal(refusal, Charge(charged=ChargeStatus.NO), server="wan")
    return a_video(
        state=VideoState.BLOCKED,
        error_code="moderation_blocked",
        error_message=sentence,
        explanation=details,
    )


@CHINESE
def test_a_refusal_of_a_provider_is_explained_in_the_language_of_the_reader(tag: str) -> None:
    error = shown(refused_by_provider(), tag)["error"]
    assert in_chinese(error["message"])
    assert in_chinese(error["moderation_details"]["next_step"])
    assert error["code"] == "moderation_blocked"


@CHINESE
def test_a_failure_and_a_late_video_are_explained_in_the_language_of_the_reader(tag: str) -> None:
    late = DeadlineExceeded("The video was not finished within 120 s.")
    failed = a_video(
        state=VideoState.FAILED, error_code=late.code, error_message=describe_failure(late, None)
    )
    unnamed = a_video(state=VideoState.FAILED, error_message=None)
    for video in (failed, unnamed):
        assert in_chinese(shown(video, tag)["error"]["message"])
    for waits in (True, False):
        state = VideoState.GENERATING if waits else VideoState.SCANNING
        told = shown(a_video(state=state, late_since=1.0), tag)["safelight"]["late"]
        assert in_chinese(told["message"])
        assert told["since"] == 1


@CHINESE
def test_the_hold_of_a_first_video_is_explained_in_the_language_of_the_reader(tag: str) -> None:
    held = a_video(
        state=VideoState.HELD, explanation=explain_first_output(Stage.OUTPUT, FIRST_OUTPUT_SENTENCE)
    )
    told = shown(held, tag)["safelight"]["explanation"]
    assert in_chinese(told["message"])
    assert told["reason"] == FIRST_OUTPUT


@CHINESE
def test_a_vaulted_video_says_no_more_in_another_language(tag: str) -> None:
    vaulted = a_video(
        state=VideoState.BLOCKED,
        vaulted=True,
        error_message="Blocked for sexual/minors.",
        explanation={"categories": ["sexual/minors"], "next_step": "Nothing."},
    )
    error = shown(vaulted, tag)["error"]
    assert error.keys() == {"code", "message"}
    assert in_chinese(error["message"])


def test_in_the_language_of_the_store_a_video_stays_as_it_is() -> None:
    video = refused_by_provider()
    assert shown(video, "en") == video_object(video)
