"""A served gateway that is killed while it has a clip that was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, started

from .test_stop import attempts, client, create, create_key, outcome, settings, wait_for

PAID: dict[str, Any] = {"polls": 0, "charge": 1.0}
PADDING = 20_000


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"otherwise": PAID}) as server:
        yield server


def kill(gateway: Running) -> None:
    gateway.process.kill()
    gateway.process.wait()


def check_delivered(folder: Path, key: str, upstream: ScriptedUpstream, video_id: str) -> None:
    """The next process delivers the clip, and the request was submitted once."""
    with started(folder, key, **settings(upstream)) as gateway:
        video = outcome(gateway, video_id)
        assert video["status"] == "completed", video["error"]
        with client(gateway) as web:
            assert web.get(f"/v1/videos/{video_id}/content").raise_for_status().content
    assert upstream.counts["received"] == 1
    assert [each.amount for each in attempts(folder)] == [1.0]
    assert not list((folder / "data" / "downloads").glob("*.mp4*"))


def test_a_gateway_killed_during_a_download_continues_it_and_delivers_without_a_second_submission(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    clip = tmp_path / "clip.mp4"
    # With a box without content, so that a part of it is on the disk before the end.
    clip.write_bytes(tiny_clip() + (PADDING + 8).to_bytes(4, "big") + b"free" + bytes(PADDING))
    upstream.play({"otherwise": {**PAID, "clip": str(clip), "content": {"do": "slow", "times": 1}}})
    key, downloads = create_key(tmp_path), tmp_path / "data" / "downloads"
    with started(tmp_path, key, **settings(upstream)) as gateway:
        video_id = create(gateway, "scripted-1")
        wait_for(lambda: [file for file in downloads.glob("*.mp4.part") if file.stat().st_size])
        kill(gateway)
    assert upstream.counts["fetches"] == 1
    check_delivered(tmp_path, key, upstream, video_id)
    assert upstream.counts["fetches"] == 2


def test_a_gateway_killed_during_a_scan_scans_again_and_delivers_without_a_second_submission(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    key = create_key(tmp_path)
    with started(tmp_path, key, **settings(upstream)) as gateway, client(gateway) as web:
        video_id = create(gateway, "scripted-1")
        wait_for(lambda: web.get(f"/v1/videos/{video_id}").json()["safelight"]["state"] == "scanning")
        kill(gateway)
    check_delivered(tmp_path, key, upstream, video_id)
    assert upstream.counts["fetches"] == 1
