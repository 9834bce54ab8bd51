"""A live server, once per file of tests, and a client with a key of its tenant."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.fake_api_server import Live, live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("server")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with live(folder, database, max_body_bytes=2 * 1024 * 1024, upload_idle_s=0.5) as running:
        yield running


@pytest.fixture
def client(server: Live) -> Iterator[httpx.Client]:
    """A client with a key; after each test the server must still answer."""
    with httpx.Client(base_url=server.url, headers=dict(server.auth), timeout=10, verify=False) as client:
        yield client
        assert client.get("/healthz").status_code == 200
