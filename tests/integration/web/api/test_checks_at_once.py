from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from safelight.core.errors import Unavailable
from support.fake_api_server import live


class SlowChecks:
    """Checks that wait for `go`, and count how many wait at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.full = threading.Event()
        self._lock = threading.Lock()
        self._running = 0
        self.most = 0

    def check(self, *_: Any, **__: Any) -> None:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
            if self._running == 2:
                self.full.set()
        self.go.wait(10)
        with self._lock:
            self._running -= 1
        raise Unavailable("It was only a test.")


def test_checks_beyond_the_limit_wait_and_delay_no_other_request(
    tmp_path: Path, sqlite_template: Path
) -> None:
    database = tmp_path / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    checks = SlowChecks()
    with (
        live(tmp_path, database, checks=checks, max_concurrent_checks=2, threads=2) as server,
        httpx.Client(base_url=server.url, headers=dict(server.auth), timeout=20) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        asked = [threads.submit(client.post, "/v1/videos/check", json={"prompt": "a cat"}) for _ in range(8)]
        assert checks.full.wait(10)
        made = client.post("/v1/videos", json={"prompt": "a cat"}).json()["id"]
        assert client.get(f"/v1/videos/{made}").status_code == 200
        checks.go.set()
        assert [future.result().status_code for future in asked] == [503] * 8
    assert checks.most == 2
