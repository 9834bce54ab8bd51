"""Two gateways on one PostgreSQL: what runs once in a fleet runs in the leader, and moves in seconds."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from safelight.videos.worker_lease import _SILENT_S as SILENT_S
from support.gateway_process import Running, started

from .test_killed_with_paid_clips import kill
from .test_readiness import readiness, wait_for
from .test_stop import create_key

pytestmark = pytest.mark.postgres

#: A leader that was killed is replaced within this time, on a busy machine.
MOVED_S = 10.0


@pytest.fixture
def fleet(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Running, Running]]:
    """The leader, and another gateway."""
    monkeypatch.setenv("SAFELIGHT_STORAGE__DATABASE", postgres_url)
    monkeypatch.setenv("SAFELIGHT_STORAGE__KEY_DIR", str(tmp_path / "keys"))
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    key = create_key(folders[0])
    with (
        started(folders[0], key, SAFELIGHT_WORKER__NAME="one") as one,
        started(folders[1], key, SAFELIGHT_WORKER__NAME="two") as two,
    ):
        for gateway in (one, two):
            wait_for(lambda gateway=gateway: readiness(gateway)[0] == 200)
        yield one, two


def leader(gateway: Running) -> Any:
    return readiness(gateway)[1]["leader"]


def leads(gateway: Running) -> float:
    headers = {"authorization": f"Bearer {gateway.key}"}
    lines = httpx.get(f"{gateway.address}/metrics", headers=headers, timeout=30).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("safelight_leader "))


def sweep_s(url: str) -> float:
    """The seconds until the sweeper of some process forgets a deleted file."""
    name = secrets.token_hex(32)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO assets (id, tenant_id, kind, sha256, media_type, bytes, retention, created_at,"
            " deleted_at) VALUES (%s, 'tenant_1', 'generated', %s, 'video/mp4', 1, 'standard', 1, 1)",
            (f"asset_{name}", name),
        )
        began = time.monotonic()
        wait_for(lambda: not connection.execute("SELECT 1 FROM assets WHERE sha256 = %s", (name,)).fetchone())
        return time.monotonic() - began


def test_one_gateway_leads_and_the_other_takes_over_when_it_is_stopped_or_killed(
    fleet: tuple[Running, Running], postgres_url: str
) -> None:
    one, two = fleet
    assert (leader(one), leader(two)) == ("one", "one")
    assert (leads(one), leads(two)) == (1.0, 0.0)
    assert sweep_s(postgres_url) < MOVED_S
    os.kill(one.process.pid, signal.SIGSTOP)
    # Not at once: while it follows, the other gateway sweeps nothing.
    assert SILENT_S / 2 < sweep_s(postgres_url) < SILENT_S + MOVED_S
    assert (leader(two), readiness(two)[0]) == (None, 200)
    os.kill(one.process.pid, signal.SIGCONT)
    wait_for(lambda: leader(two) == "one")
    kill(one)
    assert sweep_s(postgres_url) < MOVED_S
    assert (leader(two), leads(two), readiness(two)[0]) == ("two", 1.0, 200)
