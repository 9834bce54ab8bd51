from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from safelight.policy.findings import Stage
from safelight.videos.models import VideoState
from support.fake_api_server import Live


def events(answer: httpx.Response) -> Iterator[tuple[int, dict[str, object]]]:
    found = 0
    for line in answer.iter_lines():
        if line.startswith("id: "):
            found = int(line[4:])
        elif line.startswith("data: "):
            yield found, json.loads(line[6:])


@pytest.fixture
def video_id(client: httpx.Client) -> str:
    made: str = client.post("/v1/videos", json={"prompt": "a cat"}).json()["id"]
    return made


def walk(server: Live, video_id: str) -> None:
    server.desk.change(video_id, state=VideoState.GENERATING, stage=Stage.GENERATION, progress=20)
    server.desk.change(video_id, state=VideoState.SCANNING, stage=Stage.OUTPUT, progress=60)
    server.desk.deliver(video_id, b"clip")


def test_changes_are_sent_until_the_end(client: httpx.Client, server: Live, video_id: str) -> None:
    with client.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        seen = events(answer)
        assert next(seen)[1]["status"] == "queued"
        walk(server, video_id)
        rest = list(seen)
    assert rest[-1][1]["status"] == "completed"
    positions = [position for position, _ in rest]
    assert positions == sorted(set(positions))


def test_a_reconnected_client_gets_only_new_events(client: httpx.Client, server: Live, video_id: str) -> None:
    url = f"/v1/videos/{video_id}/events"
    with client.stream("GET", url) as answer:
        first = next(events(answer))[0]
    walk(server, video_id)
    with client.stream("GET", url, headers={"last-event-id": str(first)}) as answer:
        (last,) = [position for position, _ in events(answer)]
    assert client.get(url, headers={"last-event-id": str(last)}).status_code == 204
    for nonsense in ("nonsense", "-1", "9" * 5000):
        with client.stream("GET", url, headers={"last-event-id": nonsense}) as answer:
            assert [position for position, _ in events(answer)] == [last]


def test_a_change_of_progress_is_sent_without_a_new_revision(
    client: httpx.Client, server: Live, video_id: str
) -> None:
    with client.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        seen = events(answer)
        next(seen)
        video = server.desk.change(video_id, state=VideoState.GENERATING)
        next(seen)
        server.desk.put(video, progress=40)
        assert next(seen)[1]["progress"] == 40
        server.desk.deliver(video_id, b"clip")


def test_a_deleted_video_ends_its_stream(client: httpx.Client, server: Live, video_id: str) -> None:
    with client.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        seen = events(answer)
        next(seen)
        del server.desk.videos[video_id]
        assert list(seen) == []


def test_fifty_streams_share_one_query_at_a_time(client: httpx.Client, server: Live, video_id: str) -> None:
    tabs = 50
    started = threading.Barrier(tabs + 1)

    def tab() -> str:
        with httpx.stream(
            "GET", f"{server.url}/v1/videos/{video_id}/events", headers=dict(server.auth), timeout=30
        ) as answer:
            seen = events(answer)
            next(seen)
            started.wait(30)
            return str(list(seen)[-1][1]["status"])

    with ThreadPoolExecutor(tabs) as pool:
        waiting = [pool.submit(tab) for _ in range(tabs)]
        started.wait(30)
        before = server.desk.gets
        for percent in range(4):
            server.desk.change(video_id, state=VideoState.GENERATING, progress=percent)
            threading.Event().wait(0.1)
        looks = server.desk.gets - before
        server.desk.deliver(video_id, b"clip")
        assert {tab.result(30) for tab in waiting} == {"completed"}
    # One watcher queries every 50 ms for all streams; 50 streams with a query each would need hundreds.
    assert looks < tabs
