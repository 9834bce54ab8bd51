"""A test card in the generated picture or sound: blocked, explained, and its bytes are never served."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from support.gateway_process import Running

CARDS = {"picture": "frame:violence@2.0s", "sound": "tone:hate@1.0s"}


@pytest.fixture(scope="module")
def blocked(gateway: Running) -> dict[str, dict[str, Any]]:
    """One video per card, at its end."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=30, verify=False) as client:
        ids = {
            where: client.post("/v1/videos", json={"prompt": "a meadow in summer", "test_card": card}).json()[
                "id"
            ]
            for where, card in CARDS.items()
        }
        ended: dict[str, dict[str, Any]] = {}
        while len(ended) < len(ids):
            for where, video_id in ids.items():
                video = client.get(f"/v1/videos/{video_id}").json()
                if video["status"] in {"completed", "failed"}:
                    ended[where] = video
            time.sleep(0.25)
    return ended


@pytest.mark.parametrize(("where", "kind"), [("picture", "frames"), ("sound", "time")])
def test_the_block_gives_the_time_range(blocked: dict[str, dict[str, Any]], where: str, kind: str) -> None:
    video = blocked[where]
    assert (video["status"], video["error"]["code"]) == ("failed", "moderation_blocked")
    details = video["error"]["moderation_details"]
    assert (details["moderation_stage"], details["stage"]) == ("output", "output")
    places = [place for finding in details["evidence"] for place in finding["evidence"]]
    place = next(place for place in places if place["type"] == kind)
    assert place["start_s"] < place["end_s"] <= 4.1
    assert details["charged"]["charged"] == "no"


@pytest.mark.parametrize("where", CARDS)
def test_no_route_or_variant_returns_the_bytes(
    blocked: dict[str, dict[str, Any]], client: httpx.Client, where: str
) -> None:
    video = blocked[where]
    here = f"/v1/videos/{video['id']}"
    assert video["safelight"]["links"]["content"] is None
    record = client.get(f"{here}/record").json()
    hashes = {made["verdict"]["subject_sha256"] for made in record["stages"]}
    guesses = [
        *(f"{here}/content?variant={name}" for name in ("video", "thumbnail", "spritesheet", "source", "..")),
        *(
            f"{path}/{sha256}"
            for sha256 in hashes
            for path in (here, f"{here}/content", "/static/x", "/blobs")
        ),
        f"{here}/content/../content",
        f"{here}/preview",
        f"{here}.mp4",
    ]
    for guess in guesses:
        answer = client.get(guess, headers={"range": "bytes=0-99"})
        assert answer.status_code in {400, 404}, guess
        assert b"ftyp" not in answer.content
