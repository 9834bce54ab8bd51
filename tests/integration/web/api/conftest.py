"""A live server, once per file of tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from safelight.accounts import KeyScope
from support.fake_api_server import Live, live

ClientWith = Callable[..., httpx.Client]


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


@pytest.fixture
def client_with(server: Live) -> Iterator[ClientWith]:
    """Makes clients with a key of these scopes, in the tenant of the server unless another one is given."""
    with ExitStack() as opened:

        def make(*scopes: KeyScope, tenant: str = "", name: str = "k") -> httpx.Client:
            given = {"scopes": scopes} if scopes else {}
            _, token = server.accounts.create_key(tenant or server.tenant, name, **given)
            headers = {"authorization": f"Bearer {token}"}
            return opened.enter_context(httpx.Client(base_url=server.url, headers=headers, timeout=30))

        yield make
