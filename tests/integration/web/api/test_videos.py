from __future__ import annotations

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.core.errors import (
    CheckLimitExceeded,
    Conflict,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    NotCovered,
    QuotaExceeded,
    StorageFull,
    Unavailable,
    Withdrawn,
)
from safelight.policy.findings import Basis, Stage
from safelight.videos.models import VideoState
from safelight.videos.requests.request import RetryTerms
from safelight.web.api import videos
from safelight.web.create_request import read_retry_terms
from support.fake_api_server import CARD, Live
from support.verdicts import seen

VIDEO_KEYS = {
    "metadata",
    "id",
    "object",
    "model",
    "status",
    "progress",
    "created_at",
    "completed_at",
    "expires_at",
    "prompt",
    "remixed_from_video_id",
    "seconds",
    "size",
    "error",
    "url",
    "safelight",
}


def make(client: httpx.Client, prompt: str = "a cat") -> str:
    made: str = client.post("/v1/videos", files={"prompt": (None, prompt)}).json()["id"]
    return made


def test_a_video_has_every_key_of_the_wire_and_seconds_as_text(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/videos",
        files={
            "prompt": (None, "a cat"),
            "seconds": (None, "8"),
            "size": (None, "720x1280"),
            "safety_identifier": (None, "u1"),
            "metadata[project]": (None, "blue"),
        },
    )
    assert answer.status_code == 200
    assert answer.headers["openai-poll-after-ms"] == "1000"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["cache-control"] == "no-store"
    video = answer.json()
    assert video.keys() == VIDEO_KEYS
    assert (video["object"], video["status"], video["seconds"], video["size"]) == (
        "video",
        "queued",
        "8",
        "720x1280",
    )
    assert video["safelight"]["safety_identifier"] == "u1"
    assert video["safelight"]["metadata"] == {"project": "blue"}


def test_a_retry_is_asked_for_in_json_and_in_forms(client: httpx.Client, server: Live) -> None:
    terms = {"same": True, "variation": "one cat"}
    for body in (
        {"json": {"prompt": "one cat at night", "safelight": {"retry": terms}}},
        {"data": {"prompt": "one cat at night", "safelight[retry][same]": "true"}},
        {"files": {"prompt": (None, "one cat at night"), "safelight[retry][variation]": (None, "one cat")}},
    ):
        answer = client.post("/v1/videos", **body)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        facts = answer.json()["safelight"]
        assert (facts["retry_of"], facts["retried_as"]) == (None, None)
    assert [request.retry for request in server.desk.requests[-3:]] == [
        RetryTerms(same=True, variation="one cat"),
        RetryTerms(same=True),
        RetryTerms(variation="one cat"),
    ]
    wrong = client.post("/v1/videos", json={"prompt": "a cat", "safelight": {"retry": {"times": 3}}})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "safelight.retry")


def test_the_terms_of_a_retry_are_read_outside_the_event_loop(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop: list[bool] = []

    def read(*given: Any, **limits: Any) -> RetryTerms | None:
        try:
            asyncio.get_running_loop()
            on_loop.append(True)
        except RuntimeError:
            on_loop.append(False)
        return read_retry_terms(*given, **limits)

    monkeypatch.setattr(videos, "read_retry_terms", read)
    body = {"prompt": "one cat at night", "safelight": {"retry": {"variation": "one cat"}}}
    assert client.post("/v1/videos", json=body).status_code == 200
    assert on_loop == [False]


def test_uploaded_files_are_deleted_after_the_request(client: httpx.Client, server: Live) -> None:
    picture = b"\x89PNG" + bytes(200_000)
    answer = client.post(
        "/v1/videos",
        files={"prompt": (None, "a cat"), "input_reference": ("../../a.png", picture, "image/png")},
    )
    assert answer.status_code == 200
    upload = server.desk.requests[-1].uploads[0]
    assert (upload.field, upload.filename, upload.media_type) == ("input_reference", "a.png", "image/png")
    assert server.desk.uploads[-1] == picture
    assert not Path(upload.path).exists()
    assert not list(server.scratch.iterdir())


def test_unknown_fields_reach_the_service_by_name(client: httpx.Client, server: Live) -> None:
    client.post(
        "/v1/videos",
        files={
            "prompt": (None, "a cat"),
            "negative_prompt": (None, "dogs"),
            "input_reference[image_url]": (None, "https://example.org/a.png"),
        },
        headers={"idempotency-key": "once"},
    )
    asked = server.desk.requests[-1]
    assert asked.extra == {"negative_prompt": "dogs"}
    assert asked.urls == {"input_reference[image_url]": "https://example.org/a.png"}
    assert asked.idempotency_key == "once"


def test_a_block_is_400_with_an_explanation_and_is_never_retried(client: httpx.Client) -> None:
    answer = client.post("/v1/videos", files={"prompt": (None, f"now {CARD} then")})
    assert answer.status_code == 400
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["param"]) == (
        "sentinel_block",
        "video_generation_user_error",
        "prompt",
    )
    details = error["moderation_details"]
    assert details["moderation_stage"] == "input"
    assert details["evidence"][0]["evidence"] == [
        {"type": "text", "field": "prompt", "start": 4, "end": 4 + len(CARD)}
    ]
    assert error["safelight"]["request_id"] == answer.headers["x-request-id"]


def test_a_block_is_explained_in_the_language_that_every_request_about_it_accepts(
    client: httpx.Client,
) -> None:
    def said(answer: httpx.Response) -> str:
        assert answer.status_code in (200, 400)
        error = answer.json()["error"]
        return str(error["message"] + error["moderation_details"]["next_step"])

    english = {"prompt": f"now {CARD} then"}
    first = client.post("/v1/videos", json=english)
    details = first.json()["error"]["moderation_details"]
    path = f"/v1/videos/{details['video_id']}"
    for accept in ("zh-TW", "zh-CN"):
        client.headers["accept-language"] = accept
        answer = client.post("/v1/videos", json=english)
        events = client.get(f"{path}/events").text
        found = [
            said(answer),
            said(client.get(path)),
            client.get("/v1/videos").json()["data"][0]["error"]["message"],
            client.get(f"{path}/record").json()["video"]["error"]["message"],
            json.loads(events.partition("data: ")[2].partition("\n")[0])["error"]["message"],
        ]
        for text in found:
            assert re.search("[\u4e00-\u9fff]", text), text
            assert not re.search("[a-z]{3} [a-z]{2}", text), text
        # What programs read stays the same.
        told = answer.json()["error"]["moderation_details"]
        for name in ("categories", "evidence", "rule", "retry", "charged", "stage"):
            assert told[name] == details[name]
        assert answer.headers["x-should-retry"] == "false"
    client.headers["accept-language"] = "en"
    assert said(client.get(path)) == said(first)


@pytest.mark.parametrize(
    ("error", "status", "code", "retry", "after"),
    [
        (QuotaExceeded("Enough for today.", retry_after_s=90.2), 429, "quota_exceeded", "false", "91"),
        (CheckLimitExceeded("Enough checks."), 429, "check_limit_exceeded", "false", None),
        (IdempotencyKeyReused("Again."), 409, "idempotency_key_reused", "false", None),
        (IdempotencyKeyInUse("It runs.", retry_after_s=2.0), 409, "idempotency_key_in_use", "true", "2"),
        (NotCovered("A check is missing."), 503, "not_covered", "true", "2"),
        (Unavailable("Later.", retry_after_s=5), 503, "unavailable", "true", "5"),
        (StorageFull("No room.", retry_after_s=30), 503, "storage_full", "true", "30"),
        (Conflict("Not now."), 409, "conflict", "false", None),
        (Withdrawn("Withdrawn."), 410, "withdrawn", "false", None),
        (RuntimeError("secret detail"), 500, "internal_error", "false", None),
    ],
    ids=str,
)
def test_an_error_without_a_verdict_has_its_own_code_and_only_a_transient_one_is_retried(
    client: httpx.Client,
    server: Live,
    error: Exception,
    status: int,
    code: str,
    retry: str,
    after: str | None,
) -> None:
    server.desk.trouble = error
    answer = client.post("/v1/videos", json={"prompt": "a cat"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-should-retry"] == retry
    assert answer.headers.get("retry-after") == after
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert answer.json()["error"].keys() >= {"message", "type", "param", "code"}
    if code == "idempotency_key_in_use":
        assert answer.json()["error"]["param"] == "Idempotency-Key"


def test_every_state_has_one_of_four_wire_statuses(client: httpx.Client, server: Live) -> None:
    video_id = make(client)
    words = {}
    for state in VideoState:
        server.desk.change(video_id, state=state)
        words[state] = client.get(f"/v1/videos/{video_id}").json()["status"]
    assert set(words.values()) == {"queued", "in_progress", "completed", "failed"}


def test_a_held_video_has_a_due_time_and_is_polled_once_a_minute(client: httpx.Client, server: Live) -> None:
    video_id = make(client)
    server.desk.change(video_id, state=VideoState.HELD, stage=Stage.OUTPUT, review_due_at=1_800_000_000.5)
    answer = client.get(f"/v1/videos/{video_id}")
    assert answer.headers["openai-poll-after-ms"] == "60000"
    assert answer.json()["status"] == "in_progress"
    ours = answer.json()["safelight"]
    assert (ours["state"], ours["review_due_at"], ours["verdict"]) == ("held", 1_800_000_000, "hold")


def test_a_blocked_video_carries_its_explanation(client: httpx.Client, server: Live) -> None:
    video_id = make(client)
    server.desk.change(
        video_id,
        state=VideoState.BLOCKED,
        stage=Stage.OUTPUT,
        error_code="moderation_blocked",
        error_message="Blocked after generation.",
        explanation={"moderation_stage": "output", "categories": ["violence"], "stage": "output"},
    )
    error = client.get(f"/v1/videos/{video_id}").json()["error"]
    assert error["code"] == "moderation_blocked"
    assert error["moderation_details"]["categories"] == ["violence"]


def test_a_vaulted_video_reveals_no_category_stage_or_evidence(client: httpx.Client, server: Live) -> None:
    video_id = make(client, "a prompt of mine")
    server.desk.change(
        video_id,
        state=VideoState.BLOCKED,
        stage=Stage.OUTPUT,
        vaulted=True,
        error_code="moderation_blocked",
        error_message="Blocked at output for sexual/minors.",
        explanation={"categories": ["sexual/minors"], "stage": "output"},
    )
    answer = client.get(f"/v1/videos/{video_id}")
    record = client.get(f"/v1/videos/{video_id}/record")
    for text in (answer.text, record.text):
        assert "minors" not in text
        assert "moderation_details" not in text
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert answer.json()["safelight"]["stage"] is None
    assert record.json()["stages"] == []


def test_a_record_names_no_reviewer(
    client: httpx.Client, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = make(client)
    entry = {"seq": 1, "at": 1.0, "event": "case.approve", "actor": "Ada Reed", "hash": "00"}
    stored = server.desk.record
    monkeypatch.setattr(server.desk, "record", lambda *asked: replace(stored(*asked), audit_log=(entry,)))
    record = client.get(f"/v1/videos/{video_id}/record")
    assert record.json()["audit_log"][0]["actor"] == "reviewer"
    assert "Ada" not in record.text


def test_a_list_is_paginated_by_id_and_has_no_deleted_video(client: httpx.Client) -> None:
    ids = [make(client) for _ in range(3)]
    first = client.get("/v1/videos", params={"limit": 2}).json()
    assert first["object"] == "list"
    assert [video["id"] for video in first["data"]] == ids[:0:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[2], ids[1], True)
    after = client.get("/v1/videos", params={"limit": 1, "after": ids[1]}).json()
    assert after["data"][0]["id"] == ids[0]
    oldest = client.get("/v1/videos", params={"order": "asc", "limit": 100}).json()
    assert [video["id"] for video in oldest["data"]][-3:] == ids
    deleted = client.delete(f"/v1/videos/{ids[0]}").json()
    assert deleted == {"id": ids[0], "object": "video.deleted", "deleted": True}
    assert client.get(f"/v1/videos/{ids[0]}").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up"])
def test_an_invalid_query_names_its_parameter(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/videos?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


def test_the_record_withholds_evidence_of_instructions_for_harm(client: httpx.Client, server: Live) -> None:
    video_id = make(client)
    made = server.desk.judgements[video_id][0]
    finding = seen("illicit", basis=Basis.LEARNED, span=(0, 1))
    server.desk.judgements[video_id] = (replace(made, findings=(finding,)),)
    record = client.get(f"/v1/videos/{video_id}/record").json()
    assert record["object"] == "video.record"
    shown = record["stages"][0]["findings"][0]
    assert shown == {"group": "illicit", "basis": "learned", "modality": "text", "withheld": True}


def test_content_is_served_whole_in_ranges_and_by_head(client: httpx.Client, server: Live) -> None:
    data = bytes(range(256)) * 1000
    video_id = make(client)
    server.desk.deliver(video_id, data)
    url = f"/v1/videos/{video_id}/content"
    whole = client.get(url, headers={"accept": "application/binary"})
    assert whole.content == data
    assert whole.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["cache-control"] == "private, no-cache"
    assert f"{video_id}.mp4" in whole.headers["content-disposition"]
    part = client.get(url, headers={"range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, data[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(data)}"
    last = client.get(url, headers={"range": "bytes=-5"})
    assert last.content == data[-5:]
    head = client.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(data)))
    none = client.get(url, params={"variant": "thumbnail"})
    assert (none.status_code, none.headers["content-type"]) == (404, "application/json")
    assert client.get(url, params={"variant": "source"}).status_code == 400
    assert client.get(url, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    stale = client.get(url, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, len(data))
    beyond = client.get(url, headers={"range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(data)}"
    assert beyond.json()["error"]["code"] == "range_not_satisfiable"


@pytest.mark.parametrize(
    "path", ["/v1/videos/{0}", "/v1/videos", "/v1/videos/{0}/record", "/v1/models", "/v1/coverage"]
)
def test_an_unchanged_body_is_answered_with_304_and_a_changed_one_is_sent(
    client: httpx.Client, server: Live, path: str
) -> None:
    video_id = make(client)
    url = path.format(video_id)
    first = client.get(url)
    assert first.status_code == 200
    again = client.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert again.headers.get("openai-poll-after-ms") == first.headers.get("openai-poll-after-ms")
    if "videos" in path:
        server.desk.change(video_id, progress=40)
        changed = client.get(url, headers={"if-none-match": first.headers["etag"]})
        assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)


def test_an_etag_gives_another_tenant_nothing(client: httpx.Client, server: Live) -> None:
    video_id = make(client)
    etag = client.get(f"/v1/videos/{video_id}").headers["etag"]
    _, key = server.accounts.create_key(server.accounts.create_tenant("other").id, "other")
    asking = {"authorization": f"Bearer {key}"}
    for path in ("", "/content", "/record", "/events"):
        for known in (etag, "*"):
            headers = {**asking, "if-none-match": known}
            assert client.get(f"/v1/videos/{video_id}{path}", headers=headers).status_code == 404
    assert client.get("/v1/videos", headers={**asking, "if-none-match": etag}).status_code == 200
    assert client.get(f"/v1/videos/{video_id}", headers={"if-none-match": etag}).status_code == 304
