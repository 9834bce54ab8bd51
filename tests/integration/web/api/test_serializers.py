"""Around the video: rate headers, steps, characters, models, moderations, the synchronous order."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import httpx
import pytest

from safelight.core.errors import NotFound, QuotaExceeded
from safelight.providers.protocol import ChargeStatus, Derivation, GenerationRequest
from safelight.providers.videos_api import create as videos_api
from safelight.videos.models import VideoState
from support.fake_api_server import CARD, Live, Shelf
from support.rows import each_row

from .test_videos import make

RATE = {
    f"x-ratelimit-{what}-{unit}"
    for what in ("limit", "remaining", "reset")
    for unit in ("requests", "seconds")
}


def test_every_response_to_a_submission_has_rate_limit_headers(client: httpx.Client, server: Live) -> None:
    fine = client.post("/v1/videos", json={"prompt": "a cat"})
    blocked = client.post("/v1/videos", json={"prompt": CARD})
    server.desk.trouble = QuotaExceeded("That was all for today.", retry_after_s=3600)
    over = client.post("/v1/videos", json={"prompt": "a cat"})
    assert [answer.status_code for answer in (fine, blocked, over)] == [200, 400, 429]
    for answer in (fine, blocked, over):
        assert answer.headers.keys() >= RATE
    assert fine.headers["x-ratelimit-limit-requests"] == "1000"
    assert fine.headers["x-ratelimit-reset-seconds"] == "60s"
    assert over.headers["retry-after"] == "3600"
    assert over.json()["error"]["code"] == "quota_exceeded"


def test_a_remix_is_a_request_with_a_source(client: httpx.Client, server: Live) -> None:
    source = make(client)
    assert client.post(f"/v1/videos/{source}/remix", json={"prompt": "at night"}).status_code == 200
    asked = server.desk.requests[-1]
    assert (asked.step, asked.source, asked.prompt) == (Derivation.REMIX, source, "at night")
    assert client.post("/v1/videos/video_1/remix", json={}).json()["error"]["param"] == "prompt"


@pytest.mark.parametrize("how", ["form", "json", "bare"])
def test_an_edit_names_its_source_as_the_sdks_do(client: httpx.Client, server: Live, how: str) -> None:
    source = make(client)
    fields: dict[str, Any] = {
        "form": {"files": {"prompt": (None, "at night"), "video[id]": (None, source)}},
        "json": {"json": {"prompt": "at night", "video": {"id": source}}},
        "bare": {"json": {"prompt": "at night", "video": source}},
    }[how]
    assert client.post("/v1/videos/edits", **fields).status_code == 200
    asked = server.desk.requests[-1]
    assert (asked.step, asked.source, asked.uploads) == (Derivation.EDIT, source, ())


def test_an_extension_may_come_with_a_clip(client: httpx.Client, server: Live) -> None:
    answer = client.post(
        "/v1/videos/extensions",
        data={"prompt": "and then", "seconds": "4"},
        files={"video": ("a.mp4", b"clip", "video/mp4")},
    )
    assert answer.status_code == 200
    asked = server.desk.requests[-1]
    assert (asked.step, asked.source, asked.seconds) == (Derivation.EXTEND, None, "4")
    assert server.desk.uploads[-1] == b"clip"


@each_row
def test_an_invalid_source_is_refused_by_name(client: httpx.Client, video: Any) -> None:
    answer = client.post("/v1/videos/edits", json={"prompt": "x", "video": video})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "video")


def test_characters_are_stored_retrieved_and_validated(client: httpx.Client, server: Live) -> None:
    clip = {"video": ("a.mp4", b"clip", "video/mp4")}
    made = client.post("/v1/videos/characters", data={"name": "Bo"}, files=clip)
    assert made.status_code == 200
    assert made.json().keys() == {"id", "object", "created_at", "name", "safelight"}
    assert client.get(f"/v1/videos/characters/{made.json()['id']}").json() == made.json()
    assert client.get("/v1/videos/characters/character_1").status_code == 404
    for fields, files, param in (
        ({}, clip, "name"),
        ({"name": "x" * 81}, clip, "name"),
        ({"name": "Bo"}, {"picture": ("a.png", b"x")}, "video"),
        ({"name": "Bo", "more": "x"}, clip, "more"),
    ):
        wrong = client.post("/v1/videos/characters", data=fields, files=files)
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, param)
    client.post("/v1/videos", json={"prompt": "Bo", "characters": [{"id": made.json()["id"]}, "character_2"]})
    assert server.desk.requests[-1].characters == (made.json()["id"], "character_2")


def test_models_list_what_can_be_requested(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert client.get("/v1/coverage").json()["cells"]
    assert listed["object"] == "list"
    model = next(each for each in listed["data"] if each["id"] == "shelf-1")
    assert client.get("/v1/models/shelf-1").json() == model
    assert (model["object"], model["owned_by"]) == ("model", "shelf")
    assert model["safelight"]["operations"]["remix"] is False
    assert model["safelight"]["checks"]["not checked"]
    assert client.get("/v1/models/org/none").json()["error"]["param"] == "model"


def test_an_alias_is_listed_with_the_facts_of_its_model(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = Shelf().info()
    monkeypatch.setattr(Shelf, "info", lambda _: replace(info, aliases={"sora-2": "shelf-1"}))
    model, alias = client.get("/v1/models").json()["data"]
    assert (model["id"], model["safelight"]["alias_of"]) == ("shelf-1", None)
    assert alias == {**model, "id": "sora-2", "safelight": {**model["safelight"], "alias_of": "shelf-1"}}
    assert client.get("/v1/models/sora-2").json() == alias


def test_moderations_have_the_shape_of_omni_moderation(client: httpx.Client) -> None:
    one = client.post("/v1/moderations", json={"input": CARD, "model": "omni-moderation-latest"}).json()
    assert one["id"].startswith("modr-")
    assert [result["flagged"] for result in one["results"]] == [True]
    assert one["results"][0]["category_applied_input_types"]["violence"] == ["text"]
    assert len(one["results"][0]["categories"]) == 13
    two = client.post("/v1/moderations", json={"input": ["a cat", CARD]}).json()
    assert [result["flagged"] for result in two["results"]] == [False, True]


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        4,
        "a\0b",
        "x" * 33_000,
        ["x"] * 65,
        [{"type": "audio"}],
        [{"type": "text"}],
        ["x", {"type": "text", "text": "y"}],
        [{"type": "image_url", "image_url": "https://example.com"}],
        [{"type": "image_url", "image_url": {"url": "data:,"}}] * 9,
    ],
)
def test_content_that_cannot_be_moderated_is_refused(client: httpx.Client, given: Any) -> None:
    answer = client.post("/v1/moderations", json={"input": given})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("input")


def later(server: Live, **changes: Any) -> threading.Timer:
    """Changes the newest video once it is there."""

    def act() -> None:
        video_id = next(reversed(server.desk.videos))
        if "data" in changes:
            server.desk.deliver(video_id, changes["data"])
        else:
            server.desk.change(video_id, **changes)

    timer = threading.Timer(0.3, act)
    timer.start()
    return timer


def test_a_synchronous_request_returns_the_file(client: httpx.Client, server: Live) -> None:
    timer = later(server, data=b"....ftypisom")
    answer = client.post("/v1/videos/sync", data={"prompt": "a cat"})
    timer.join()
    assert (answer.status_code, answer.content) == (200, b"....ftypisom")
    assert answer.headers["content-type"] == "video/mp4"
    assert server.desk.videos[answer.headers["x-safelight-video-id"]].prompt == "a cat"


def test_a_held_synchronous_request_is_to_be_polled(client: httpx.Client, server: Live) -> None:
    timer = later(server, state=VideoState.HELD)
    answer = client.post("/v1/videos/sync", data={"prompt": "a cat"})
    timer.join()
    assert (answer.status_code, answer.json()["status"]) == (202, "in_progress")
    assert answer.headers["openai-poll-after-ms"] == "60000"
    assert answer.headers["location"] == f"/v1/videos/{answer.json()['id']}"


@pytest.mark.parametrize(
    ("state", "code", "status"),
    [
        (VideoState.BLOCKED, "moderation_blocked", 400),
        (VideoState.REJECTED, "sentinel_block", 400),
        (VideoState.FAILED, "timeout", 504),
        (VideoState.FAILED, "upstream_error", 502),
    ],
)
def test_a_synchronous_request_without_a_delivered_video_is_an_error(
    client: httpx.Client, server: Live, state: VideoState, code: str, status: int
) -> None:
    timer = later(
        server, state=state, error_code=code, error_message="It ended.", explanation={"stage": "output"}
    )
    answer = client.post("/v1/videos/sync", data={"prompt": "a cat"})
    timer.join()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (status, code, "It ended.")
    assert answer.headers["x-should-retry"] == "false"
    assert ("moderation_details" in error) == (status == 400)


def test_a_refused_synchronous_request_returns_the_same_error(client: httpx.Client, server: Live) -> None:
    answer = client.post("/v1/videos/sync", data={"prompt": CARD})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sentinel_block")
    server.desk.trouble = NotFound("Nothing.")
    assert client.post("/v1/videos/sync", data={"prompt": "x"}).status_code == 404


def test_a_gateway_in_front_finds_its_request_and_its_charge(server: Live) -> None:
    front = videos_api(
        {
            "url": f"{server.url}/v1",
            "api_key": server.key,
            "models": ["shelf-1"],
            "idempotency_metadata_key": "safelight_key",
            "list_lag_s": 0.1,
        }
    )
    order = GenerationRequest(
        key="video_front-1", model="shelf-1", prompt="a cat", seconds=4, width=1280, height=720
    )
    upstream_id = front.submit(order)
    assert front.find("video_front-1") == upstream_id
    assert front.find("video_front-2") is None
    server.desk.deliver(upstream_id, b"....ftypisom")
    charge = front.progress(upstream_id).charge
    assert charge is not None
    assert (charge.charged, charge.source) == (ChargeStatus.NO, "upstream")
    front.close()
