"""The rest of the wire against the real gateway: sending twice, the synchronous order, steps, moderations."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.detectors import safety_card
from safelight.testing.clips import tiny_clip
from support.clips import RATE, hum, make_clip
from support.concurrency import run_together
from support.gateway_process import Running

#: The answers are those of models.
NEEDS_MODELS = True

SMALL = {"model": "storyboard", "seconds": "1", "size": "640x360"}


@pytest.fixture(scope="module")
def client(gateway: Running) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=200, verify=False) as client:
        yield client


def picture() -> str:
    """A grey picture as a data: address."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\x80" * 3 * 64) * 64)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def test_an_unsupported_field_name_gets_the_right_name(client: httpx.Client) -> None:
    for wrong, meant in (("duration", "seconds"), ("resolution", "size"), ("promt", "prompt")):
        answer = client.post("/v1/videos", json={"prompt": "a boat", wrong: "720p"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_field", wrong)
        assert f"Did you mean '{meant}'?" in error["message"]


def test_concurrent_requests_with_one_idempotency_key_are_one_video(
    client: httpx.Client, gateway: Running
) -> None:
    headers = {"authorization": f"Bearer {gateway.key}", "idempotency-key": "at-once"}

    def go() -> httpx.Response:
        body = {"prompt": "a boat", **SMALL}
        return httpx.post(
            f"{gateway.address}/v1/videos", json=body, headers=headers, timeout=60, verify=False
        )

    answers = run_together([go] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", *["true"] * 3]
    again = client.post("/v1/videos", json={"prompt": "a ship", **SMALL}, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert again.headers["x-should-retry"] == "false"


def test_a_refusal_is_replayed(client: httpx.Client) -> None:
    body, headers = {"prompt": "SAFELIGHT-TEST:violence"}, {"idempotency-key": "refused"}
    first = client.post("/v1/videos", json=body, headers=headers)
    again = client.post("/v1/videos", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (400, 400)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    one, two = first.json()["error"], again.json()["error"]
    assert {**one, "safelight": None} == {**two, "safelight": None}


def test_a_synchronous_request_returns_the_file_and_a_remix_another(client: httpx.Client) -> None:
    answer = client.post("/v1/videos/sync", data={"prompt": "a red boat on the sea at noon", **SMALL})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content[4:8] == b"ftyp"
    source = answer.headers["x-safelight-video-id"]
    wrong = client.post(f"/v1/videos/{source}/remix", json={"prompt": 7, "size": "1x1", "colour": "red"})
    assert wrong.json()["error"]["message"].startswith("3 fields are wrong. The prompt must be text.")
    remixed = client.post(f"/v1/videos/{source}/remix", json={"prompt": "at night"}).json()
    assert (remixed["remixed_from_video_id"], remixed["seconds"], remixed["size"]) == (source, "1", "640x360")
    record = client.get(f"/v1/videos/{remixed['id']}/record").json()
    assert record["parents"] == [{"id": source, "derivation": "remix"}]
    body = {"prompt": "then night falls", "seconds": "20", "video": {"id": source}}
    longer = client.post("/v1/videos/extensions", json=body)
    assert (longer.status_code, longer.json()["error"]["param"]) == (400, "seconds")


def test_texts_and_images_are_moderated(client: httpx.Client) -> None:
    parts = [
        {"type": "text", "text": "a quiet lake"},
        {"type": "image_url", "image_url": {"url": picture()}},
    ]
    answer = client.post("/v1/moderations", json={"model": "omni-moderation-latest", "input": parts}).json()
    (result,) = answer["results"]
    assert result["flagged"] is False
    assert "image" in result["category_applied_input_types"]["sexual"]
    assert "text" in result["category_applied_input_types"]["hate"]
    wrong = [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x.png"}}]
    refused = client.post("/v1/moderations", json={"input": wrong})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "forbidden_url")
    text = [{"type": "image_url", "image_url": {"url": "data:text/plain,hello"}}]
    assert client.post("/v1/moderations", json={"input": text}).json()["error"]["code"] == "invalid_media"


def part_of(clip: bytes) -> dict[str, Any]:
    url = f"data:video/mp4;base64,{base64.b64encode(clip).decode()}"
    return {"type": "video_url", "video_url": {"url": url}}


def test_the_frames_and_the_sound_of_a_clip_are_moderated(client: httpx.Client, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "a quiet lake"}, part_of(tiny_clip())]
    (result,) = client.post("/v1/moderations", json={"input": parts}).json()["results"]
    assert (result["flagged"], result["safelight"]["verdict"]) == (False, "allow")
    assert "video" in result["category_applied_input_types"]["sexual"]
    checked = result["safelight"]["coverage"]["checked"]
    assert {"sexual (frames)", "violence (text)"} <= set(checked)

    card = safety_card.draw_card("violence/graphic", 640, 384)
    clip = make_clip(tmp_path / "a.mp4", width=640, height=384, frames=24, odd={7: card}, crf=30)
    (result,) = client.post("/v1/moderations", json={"input": [part_of(clip.read_bytes())]}).json()["results"]
    assert (result["flagged"], result["safelight"]["verdict"]) == (True, "block")
    assert result["categories"]["violence/graphic"] is True

    sound = hum(3.0)
    tones = safety_card.make_tones("hate", RATE)
    sound[RATE : RATE + tones.size] += tones
    clip = make_clip(tmp_path / "b.mp4", frames=72, sound=sound)
    (result,) = client.post("/v1/moderations", json={"input": [part_of(clip.read_bytes())]}).json()["results"]
    assert (result["categories"]["hate"], result["safelight"]["verdict"]) == (True, "block")


def test_clips_have_the_limits_of_other_media(client: httpx.Client) -> None:
    def refused(*parts: Any) -> tuple[str, str]:
        error = client.post("/v1/moderations", json={"input": list(parts)}).json()["error"]
        return error["code"], error["param"]

    private = {"type": "video_url", "video_url": {"url": "http://127.0.0.1:9/a.mp4"}}
    assert refused(private) == ("forbidden_url", "input[0][video_url]")
    assert refused(part_of(b"hello")) == ("invalid_media", "input[0][video_url]")
    assert refused({"type": "video_url", "video_url": {"url": picture()}})[0] == "invalid_media"
    assert refused(part_of(tiny_clip()[:2000])) == ("invalid_media", "input[0][video_url]")
    assert refused(part_of(tiny_clip()), part_of(tiny_clip())) == ("invalid_value", "input")
