"""Waiting ends: with the video, or with an error that says what goes on. Further cases: `calls.json`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from fixed_server import FixedServer, Reply
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream


def test_a_video_can_be_iterated_over_on_asyncio() -> None:
    async def statuses(url: str) -> list[str]:
        async with sc.AsyncClient(url, retries=RETRIES) as client:
            video = await client.create("a boat")
            return [change.status async for change in client.watch(video)]

    with ScriptedUpstream({"otherwise": {"polls": 2}}) as upstream:
        assert asyncio.run(statuses(upstream.url))[-1] == "completed"


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


VIDEO = "GET /v1/videos/v1"
RUNNING = {"id": "v1", "status": "in_progress"}
BLOCK = {"error": {"code": "moderation_blocked", "message": "Blocked."}}


def wait(server: FixedServer, *answers: Any, deadline_s: float = 5.0, **policy: float) -> sc.Video:
    """Waits for a running video whose polls get these answers; the last one is repeated."""
    rest = list(answers)

    def answer(_: dict[str, str]) -> Reply:
        status, body = rest.pop(0) if len(rest) > 1 else rest[0]
        return status, {}, body

    server.answers["POST /v1/videos"] = (200, {}, RUNNING)
    server.answers[VIDEO] = answer
    with sc.Client(server.url, retries=replace(RETRIES, **policy)) as client:
        return client.wait(client.create("a boat"), deadline_s=deadline_s)


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_an_error_of_a_poll_says_nothing_about_the_charge_of_the_video(
    server: FixedServer, status: int
) -> None:
    with pytest.raises(sc.ApiError) as caught:
        wait(server, (status, {"error": {"message": "No."}}))
    assert (caught.value.charged, caught.value.retry, server.calls(VIDEO)) == ("unknown", "never", 1)


@pytest.mark.parametrize("status", [200, 429])
def test_a_block_ends_the_wait_whatever_its_status(server: FixedServer, status: int) -> None:
    with pytest.raises(sc.ContentBlocked) as caught:
        wait(server, (status, BLOCK))
    assert (caught.value.charged, server.calls(VIDEO)) == ("unknown", 1)


def test_an_error_with_status_200_is_explained_after_three_of_them(server: FixedServer) -> None:
    error = {"error": {"code": "server_error", "message": "Out of order."}}
    assert wait(server, (200, error), (200, error), (200, {**RUNNING, "status": "completed"})).has_ended
    with pytest.raises(sc.ApiError, match="Out of order"):
        wait(server, (200, error))


def test_a_video_has_not_vanished_while_its_server_restarts(server: FixedServer) -> None:
    missing = [(404, {"detail": "Not Found"})] * 4
    done = (200, {**RUNNING, "status": "completed"})
    assert wait(server, *missing, done, vanished_after_s=30.0).status == "completed"
    with pytest.raises(sc.VideoVanished):
        wait(server, *missing, vanished_after_s=0.05)


def test_a_poll_that_gets_no_answer_ends_with_the_deadline(server: FixedServer) -> None:
    def slow(_: dict[str, str]) -> Reply:
        time.sleep(3)
        return 200, {}, RUNNING

    server.answers["POST /v1/videos"] = (200, {}, RUNNING)
    server.answers[VIDEO] = slow
    began = time.monotonic()
    with sc.Client(server.url, retries=RETRIES) as client, pytest.raises(sc.DeadlinePassed) as caught:
        client.wait(client.create("a boat"), deadline_s=0.2)
    assert (caught.value.video is not None, caught.value.unchanged_s > 0) == (True, True)
    assert time.monotonic() - began < 2.5


def test_an_endless_answer_is_cut(server: FixedServer) -> None:
    server.answers[VIDEO] = (200, {}, b" " * (17 * 1024 * 1024))
    policy = replace(RETRIES, attempts=1)
    with (
        sc.Client(server.url, retries=policy) as client,
        pytest.raises(sc.ConnectionFailed, match="too long"),
    ):
        client.retrieve("v1")


def test_a_poll_interval_of_the_server_has_a_lower_limit() -> None:
    assert sc.RetryPolicy().poll_delay_s(0, 0) == 0.1
