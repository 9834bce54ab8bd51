"""A fleet of processes with one role each, on one PostgreSQL and one bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, safelight, started
from support.object_stores import S3
from support.scan_user import scan_user
from support.webhook_receiver import Target, target

from .test_killed_with_paid_clips import kill
from .test_readiness import readiness, wait_for
from .test_stop import client, create, create_key, outcome, settings, submissions

pytestmark = pytest.mark.postgres
NO_UPSTREAM = json.dumps({"storyboard": {"kind": "storyboard"}})


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"otherwise": {"finish_after_s": 8.0, "charge": 1.0}}) as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Target]:
    with target() as made:
        yield made


class Fleet:
    """Starts processes that share a database, a bucket and keys."""

    def __init__(self, folder: Path, key: str, stack: ExitStack) -> None:
        self._folder, self._key, self.stack = folder, key, stack

    def start(self, name: str, role: str, **settings: str) -> Running:
        folder = self._folder / name
        folder.mkdir()
        own = {"SAFELIGHT_WORKER__NAME": name, "SAFELIGHT_SERVER__ROLES": json.dumps([role])}
        return self.stack.enter_context(started(folder, self._key, **own, **settings))


@pytest.fixture
def fleet(
    tmp_path: Path,
    postgres_url: str,
    s3: S3,
    upstream: ScriptedUpstream,
    receiver: Target,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    shared = {
        "SAFELIGHT_STORAGE__DATABASE": postgres_url,
        "SAFELIGHT_STORAGE__CONNECTIONS": "12",
        "SAFELIGHT_STORAGE__KEY_DIR": str(tmp_path / "keys"),
        "SAFELIGHT_STORAGE__BLOBS": s3.bucket(),
        "SAFELIGHT_STORAGE__S3": json.dumps(s3.options),
        "SAFELIGHT_FETCH__ALLOWED_PRIVATE_HOSTS": json.dumps([receiver.host]),
        **settings(upstream),
    }
    for name, value in shared.items():
        monkeypatch.setenv(name, value)
    key = create_key(tmp_path)
    safelight("webhooks", "add", receiver.url, "--event", "video.completed", folder=tmp_path)
    with ExitStack() as stack:
        yield Fleet(tmp_path, key, stack)


def statuses(gateway: Running) -> list[int]:
    with client(gateway) as asked:
        return [
            asked.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/v1/videos", "/")
        ]


def test_four_roles_make_a_video_and_a_second_worker_finishes_what_a_killed_one_began(
    fleet: Fleet, upstream: ScriptedUpstream, receiver: Target, postgres_url: str
) -> None:
    web = fleet.start("web", "web")
    assert readiness(web)[1]["roles_missing"] == ["work", "scan", "notify"]
    video_id = create(web, "scripted-1")
    worker, notify = fleet.start("work-1", "work"), fleet.start("notify", "notify")
    for gateway in (worker, notify):
        wait_for(lambda gateway=gateway: readiness(gateway)[0] == 200)
        assert statuses(gateway) == [200, 200, 200, 404, 404]
    _, facts = readiness(web)
    assert (facts["roles_missing"], facts["leader"]) == (["scan"], "work-1")
    wait_for(lambda: submissions(upstream) == 1)
    kill(worker)
    wait_for(lambda: readiness(web)[1]["leader"] is None)
    assert readiness(web)[1]["roles_missing"] == ["work", "scan"]
    fleet.start("work-2", "work")
    # The clip waits for its scan, and its provider has no copy of it any more.
    wait_for(lambda: upstream.counts["deletes"] == 1)
    own = fleet.stack.enter_context(scan_user(postgres_url))
    scanner = fleet.start(
        "scan", "scan", SAFELIGHT_GENERATORS=NO_UPSTREAM, SAFELIGHT_STORAGE__DATABASE=own.url
    )
    wait_for(lambda: "roles_missing" not in readiness(web)[1])
    assert statuses(scanner) == [200, 200, 200, 404, 404]
    assert "safelight_unfinished_videos" in httpx.get(f"{scanner.address}/metrics").text
    video = outcome(web, video_id)
    assert video["status"] == "completed", video["error"]
    assert (submissions(upstream), readiness(web)[1]["leader"]) == (1, "work-2")
    with httpx.stream(
        "GET", f"{web.address}/v1/videos/{video_id}/content", headers={"authorization": f"Bearer {web.key}"}
    ) as content:
        assert content.read()
    (message,) = receiver.wait_for(1)
    assert json.loads(message.body)["data"]["id"] == video_id
