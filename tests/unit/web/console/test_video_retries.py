"""The rows of a video's page about its retries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from safelight.core.errors import NotFound
from safelight.core.i18n import LANGUAGES, load_texts
from safelight.videos.models import RetryRefusal, Video, VideoState
from safelight.web.console.video_pages import find_chain, retry_lines


@dataclass
class FakeVideo:
    id: str
    prompt: str
    retry_of: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)
    vaulted: bool = False
    asks_retry: bool = False
    state: VideoState = VideoState.BLOCKED
    error_code: str | None = None


FIRST = FakeVideo("video_1", "a lake", explanation={"source": "provider", "retried_as": "video_2"})
SAME = FakeVideo("video_2", "a lake", "video_1", {"source": "provider", "retried_as": "video_3"})
VARIED = FakeVideo(
    "video_3", "a pond", "video_2", {"source": "provider", "retry_refused": "variation_blocked"}
)


def rows(video: FakeVideo, *known: FakeVideo) -> list[tuple[str, str | None, str]]:
    def get(video_id: str) -> Video:
        for one in known:
            if one.id == video_id:
                return one  # type: ignore[return-value]
        raise NotFound("It was deleted.")

    chain = find_chain(video, get)  # type: ignore[arg-type]
    lines = retry_lines(video, chain, "en")  # type: ignore[arg-type]
    return [(line.label, line.href, line.id) for line in lines]


@pytest.mark.parametrize("video", [FIRST, SAME, VARIED])
def test_original_retry_and_variation_link_each_other(video: FakeVideo) -> None:
    expected = [("Original", "video_1"), ("Retry", "video_2"), ("Variation", "video_3")]
    found = rows(video, FIRST, SAME, VARIED)
    assert [(label, id_) for label, _, id_ in found][:3] == expected
    assert [href for _, href, _ in found[:3]] == [
        None if id_ == video.id else f"/videos/{id_}" for _, id_ in expected
    ]
    assert (found[3:] != []) == (video is VARIED)


def test_a_deleted_video_of_the_chain_is_left_out() -> None:
    assert [id_ for *_, id_ in rows(SAME, SAME, VARIED)] == ["video_2", "video_3"]
    assert rows(SAME) == []


def test_a_vaulted_video_has_no_rows() -> None:
    assert rows(FakeVideo("video_1", "", vaulted=True, asks_retry=True), FIRST, SAME) == []


def test_each_reason_has_a_text_in_each_language() -> None:
    for tag in LANGUAGES:
        texts = load_texts("retries", tag)
        assert {f"refused.{each.value}" for each in RetryRefusal} <= set(texts)
