"""Waiting ends: with the video, or with an error that says what goes on."""

from __future__ import annotations

import asyncio

import pytest
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream


def test_progress_is_reported_once_per_change() -> None:
    seen: list[tuple[str, int]] = []
    with (
        ScriptedUpstream({"otherwise": {"polls": 4, "progress": [0, 50, 50, 50]}}) as upstream,
        sc.Client(upstream.url, retries=RETRIES) as client,
    ):
        client.wait(
            client.create("a boat"), on_progress=lambda video: seen.append((video.status, video.progress))
        )
    assert seen == [("queued", 0), ("in_progress", 50), ("completed", 100)]


def test_a_video_can_be_iterated_over_on_asyncio() -> None:
    async def statuses(url: str) -> list[str]:
        async with sc.AsyncClient(url, retries=RETRIES) as client:
            video = await client.create("a boat")
            return [change.status async for change in client.watch(video)]

    with ScriptedUpstream({"otherwise": {"polls": 2}}) as upstream:
        assert asyncio.run(statuses(upstream.url))[-1] == "completed"


def test_a_video_that_hangs_is_reported_with_what_is_known_about_its_charge() -> None:
    with (
        ScriptedUpstream({"otherwise": {"ends": "never"}}) as upstream,
        sc.Client(upstream.url, retries=RETRIES) as client,
        pytest.raises(sc.DeadlinePassed) as caught,
    ):
        client.wait(client.create("a boat"), deadline_s=0.2)
    error = caught.value
    assert (error.stage, error.charged, error.retry) == ("generation", "unknown", "never")
    assert error.video is not None
    assert error.video.status == "in_progress"
    assert error.unchanged_s > 0


def test_a_key_that_is_refused_ends_the_wait_at_once() -> None:
    with ScriptedUpstream({"otherwise": {"poll": {"status": 401}}}) as upstream:
        with sc.Client(upstream.url, retries=RETRIES) as client, pytest.raises(sc.AccessDenied):
            client.wait(client.create("a boat"))
        assert upstream.counts["polls"] == 1


def test_a_failed_video_is_returned_with_its_explanation() -> None:
    with (
        ScriptedUpstream({"otherwise": {"ends": "refused", "charge": 0.4}}) as upstream,
        sc.Client(upstream.url, retries=RETRIES) as client,
    ):
        video = client.wait(client.create("a boat"))
    assert (video.status, video.stage, video.charged, video.retry) == ("failed", "output", "yes", "new_seed")


def test_lists_and_deletes() -> None:
    with ScriptedUpstream() as upstream, sc.Client(upstream.url, retries=RETRIES) as client:
        ids = [client.create(f"boat {n}").id for n in range(3)]
        page = client.list(limit=2)
        assert [video.id for video in page.videos] == [ids[2], ids[1]]
        assert page.has_more
        assert [video.id for video in client.list(after=ids[1]).videos] == [ids[0]]
        client.delete(ids[0])
        with pytest.raises(sc.InvalidRequest) as caught:
            client.retrieve(ids[0])
    assert caught.value.status == 404
