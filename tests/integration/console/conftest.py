"""A running server for each test module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.console_server import ConsoleServer, run_console_server
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
    """A client with an API key. After each test the server must still respond."""
    with httpx.Client(base_url=server.url, headers=dict(server.auth), timeout=10, verify=False) as client:
        yield client
        assert client.get("/healthz").status_code == 200


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ConsoleServer]:
    """A server with all console services."""
    folder = tmp_path_factory.mktemp("console")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with run_console_server(folder, database) as running:
        yield running
