"""A stop by a signal: nothing is lost, submitted twice or left without a checkpoint."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from safelight.accounts.audit import verify
from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.worker_lease import _lock
from support.gateway_process import Running, safelight, started
from support.trace_receiver import TraceReceiver

SETTLED = {"completed", "failed"}
WAIT_S = 120


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def key(tmp_path: Path) -> str:
    return create_key(tmp_path)


def create_key(folder: Path) -> str:
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )
    token: str = json.loads(safelight("keys", "create", "tests", "--json", folder=folder))["key"]
    return token


def settings(upstream: ScriptedUpstream, grace_s: float = 10) -> dict[str, str]:
    paid = {"kind": "videos_api", "url": upstream.url, "models": ["scripted-1"], "billing": "paid"}
    return {
        "SAFELIGHT_GENERATORS": json.dumps({"storyboard": {"kind": "storyboard"}, "paid": paid}),
        "SAFELIGHT_SERVER__STOP_GRACE_S": str(grace_s),
    }


def client(gateway: Running) -> httpx.Client:
    headers = {"authorization": f"Bearer {gateway.key}"}
    return httpx.Client(base_url=gateway.address, headers=headers, timeout=30)


def wait_for(condition: Callable[[], Any]) -> None:
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def create(gateway: Running, model: str) -> str:
    with client(gateway) as web:
        answer = web.post("/v1/videos", json={"prompt": "a quiet lake", "model": model, "seconds": "4"})
        video_id: str = answer.raise_for_status().json()["id"]
    return video_id


def outcome(gateway: Running, video_id: str) -> dict[str, Any]:
    """The video after it has ended."""
    found: dict[str, Any] = {}
    with client(gateway) as web:
        while found.get("status") not in SETTLED:
            time.sleep(0.1)
            found = web.get(f"/v1/videos/{video_id}").raise_for_status().json()
    return found


def submissions(upstream: ScriptedUpstream) -> int:
    return int(upstream.counts["received"])


def check_log(folder: Path) -> None:
    """The log is intact, and its last checkpoint covers its last entry."""
    parts = Container(Settings(data=folder / "data")).persistence
    found = verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key)
    assert found.problems == ()
    assert found.last_signed_seq == found.entries > 0
    parts.database.close()


def attempts(folder: Path) -> list[Any]:
    database = Container(Settings(data=folder / "data")).persistence.database
    with closing(database), database.across_tenants("a test", readonly=True) as tx:
        return tx.select(tables.attempts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_paid_submission_under_way_is_waited_for(
    number: int, tmp_path: Path, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.play({"lists": False, "otherwise": {"submit": {"delay_s": 2.0}, "ends": "never"}})
    with started(tmp_path, key, **settings(upstream)) as gateway:
        create(gateway, "scripted-1")
        wait_for(lambda: submissions(upstream) == 1)
        gateway.process.send_signal(number)
        assert gateway.process.wait(WAIT_S) == 0
    check_log(tmp_path)
    assert [attempt.upstream_id is not None for attempt in attempts(tmp_path)] == [True]
    assert submissions(upstream) == 1


def test_a_paid_submission_without_an_answer_in_time_is_looked_for_and_not_sent_again(
    tmp_path: Path, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.play({"lists": False, "otherwise": {"submit": "hang"}})
    with started(tmp_path, key, **settings(upstream, grace_s=2)) as gateway:
        video_id = create(gateway, "scripted-1")
        wait_for(lambda: submissions(upstream) == 1)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(WAIT_S) == 0
        assert "Steps that have not ended: 1" in gateway.log.read_text()
    check_log(tmp_path)
    with started(tmp_path, key, **settings(upstream)) as gateway:
        # It ends as unknown after three minutes, which the tests of the jobs show with a clock of their own.
        wait_for(lambda: upstream.counts["lists"] > 1)
        with client(gateway) as web:
            assert web.get(f"/v1/videos/{video_id}").json()["status"] == "in_progress"
    assert submissions(upstream) == 1


def test_the_last_spans_are_exported_before_the_process_ends(
    tmp_path: Path, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    with TraceReceiver() as collector:
        with started(
            tmp_path, key, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **settings(upstream)
        ) as gateway:
            video_id = create(gateway, "scripted-1")
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(WAIT_S) == 0
        spans = {span.name: span for span in collector.spans()}
    assert "video_" + spans["submit"].trace_id.hex() == video_id
    assert spans["submit"].links[0].trace_id == spans["POST /v1/videos"].trace_id
    check_log(tmp_path)


def test_a_collector_that_never_answers_holds_neither_a_request_nor_the_stop(
    tmp_path: Path, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # A stop that waited for the collector would take an hour.
        grace = settings(upstream, grace_s=3600)
        with started(tmp_path, key, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **grace) as gateway:
            create(gateway, "scripted-1")
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(WAIT_S) == 0
    check_log(tmp_path)


def test_a_second_signal_ends_the_process_at_once(
    tmp_path: Path, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"submit": "hang"}})
    with started(tmp_path, key, **settings(upstream, grace_s=3600)) as gateway:
        create(gateway, "scripted-1")
        wait_for(lambda: submissions(upstream) == 1)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "Stopping." in gateway.log.read_text())
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(WAIT_S) == 128 + signal.SIGTERM


@pytest.mark.postgres
def test_a_gateway_whose_worker_name_another_process_locked_ends_with_an_error(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_STORAGE__DATABASE", postgres_url)
    monkeypatch.setenv("SAFELIGHT_WORKER__NAME", "one")
    key = create_key(tmp_path)
    with (
        started(tmp_path, key) as gateway,
        psycopg.connect(postgres_url, autocommit=True) as admin,
        psycopg.connect(postgres_url, autocommit=True) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        # It waits for the lock before the gateway loses it: who waits gets a lock first.
        locked = threads.submit(other.execute, "SELECT pg_advisory_lock(%s)", (_lock("one"),))
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = %s"
        wait_for(lambda: admin.execute(waiting, (other.info.backend_pid,)).fetchone() is not None)
        admin.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND (classid::bigint << 32) | objid::bigint = %s",
            (_lock("one"),),
        )
        locked.result(WAIT_S)
        assert gateway.process.wait(WAIT_S) == 1
        assert "used by another process" in gateway.log.read_text()


def test_a_gateway_with_other_keys_than_the_installation_of_its_database_does_not_start(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    safelight("keys", "create", "tests", folder=tmp_path)
    with (
        closing(Database(f"sqlite:///{data / 'db.sqlite3'}")) as database,
        database.across_tenants("another installation") as tx,
    ):
        tx.insert(tables.installation, key="installation", value="another")
    refused = subprocess.run(
        [sys.executable, "-m", "safelight", "serve", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "SAFELIGHT_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert refused.returncode == 2
    assert "belongs to the installation another" in refused.stderr
