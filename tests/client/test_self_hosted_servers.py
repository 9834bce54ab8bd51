"""Servers with the documented answers of vLLM-Omni and SGLang Diffusion.

Sources: docs/serving/videos_api.md of vLLM-Omni, docs/diffusion/openai_api.md of SGLang.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixed_server import FixedServer
from hostile import RETRIES

import safelight_client as sc

FILE = b"\x00\x00\x00\x18ftypisom" + bytes(64)
CREATED = {"id": "video-123", "status": "queued", "created_at": 1701234567}


def client(server: FixedServer) -> sc.Client:
    return sc.Client(server.url, retries=RETRIES)


def vllm_omni(server: FixedServer) -> None:
    server.answers["GET /v1/models"] = (
        200,
        {},
        {"object": "list", "data": [{"id": "Wan-AI/Wan2.2-T2V-A14B-Diffusers"}]},
    )
    server.answers["POST /v1/videos"] = (200, {}, CREATED)
    server.answers["GET /v1/videos/video-123"] = (
        200,
        {},
        {**CREATED, "status": "completed", "progress": 100},
    )
    server.answers["GET /v1/videos/video-123/content"] = (200, {"content-type": "video/mp4"}, FILE)
    deleted = {"id": "video-123", "deleted": True, "object": "video.deleted"}
    server.answers["DELETE /v1/videos/video-123"] = (200, {}, deleted)


def test_a_video_of_vllm_omni_is_made_and_downloaded(server: FixedServer, tmp_path: Path) -> None:
    vllm_omni(server)
    with client(server) as one:
        video = one.wait(one.create("a mountain lake", width=1280, height=720, num_frames=80))
        found = one.download(video, tmp_path / "lake.mp4")
    assert (video.status, video.charged, found.is_verified) == ("completed", "unknown", False)
    # vLLM-Omni reads multipart forms only.
    (created,) = (headers for call, headers, _ in server.requests if call == "POST /v1/videos")
    assert created["content-type"].startswith("multipart/form-data")


def test_a_lost_answer_of_vllm_omni_names_the_candidates_because_its_list_has_no_prompts(
    server: FixedServer,
) -> None:
    vllm_omni(server)
    server.answers["POST /v1/videos"] = (500, {}, {"error": {"message": "x", "type": "InternalServerError"}})
    server.answers["GET /v1/videos"] = (200, {}, {"data": [{**CREATED, "created_at": 4102444800}]})
    with client(server) as one, pytest.raises(sc.SubmitUnknown) as caught:
        one.create("a mountain lake")
    assert caught.value.candidates == ("video-123",)
    assert server.calls("POST /v1/videos") == 1


def test_sglang_does_not_offer_cancelling_and_says_so(server: FixedServer) -> None:
    server.answers["POST /v1/videos"] = (200, {}, {**CREATED, "object": "video", "progress": 0})
    server.answers["GET /v1/videos/video-123"] = (200, {}, {**CREATED, "status": "in_progress"})
    server.answers["DELETE /v1/videos/video-123"] = (405, {}, {"detail": "Method Not Allowed"})
    with client(server) as one:
        video = one.create("a calico cat playing a piano on stage", size="1280x720")
        found = one.cancel(video.id)
    assert not found.cancelled
    assert "may be charged" in found.message
