"""A gateway with people and an OpenID provider, once per module."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from safelight.accounts.openid import OpenIdClient, OpenIdProvider, OpenIdRules, OpenIdSignIn
from safelight.accounts.people import People, SignIn
from safelight.core.net.json_client import JsonClient
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.web.console.services import ConsoleServices, OpenIdServices, PeopleServices
from support.fake_api_server import live
from support.openid_installation import Installation
from support.openid_server import BASE_URL, CLIENT_ID, CLIENT_SECRET, free_port, openid_server
from support.people import FastHasher


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("openid")
    file = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, file)
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    client = OpenIdClient(issuer=issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, base_url=BASE_URL)
    provider = OpenIdProvider(client, JsonClient(allow_hosts={f"127.0.0.1:{port}"}))
    with closing(Database(f"sqlite:///{file}")) as database:
        keys = KeyRing.load(folder / "keys", "secrets", remedy="")
        people = People(database)
        pages = ConsoleServices(
            people=PeopleServices(people=people, sign_in=SignIn(database, keys, FastHasher())),
            openid=OpenIdServices(
                sign_in=OpenIdSignIn(database, keys, provider, OpenIdRules()), name="Example account"
            ),
        )
        with (
            live(folder, file, pages=pages) as server,
            openid_server(port, logout_url=f"{server.url}/login/openid/logout") as openid,
        ):
            yield Installation(server, openid, database, keys, people)


@pytest.fixture
def open_browser(installation: Installation) -> Iterator[Callable[[], httpx.Client]]:
    """Makes browsers without JavaScript, each with its own cookies."""
    opened: list[httpx.Client] = []

    def make() -> httpx.Client:
        headers = {"accept": "text/html", "origin": installation.server.url}
        opened.append(
            httpx.Client(base_url=installation.server.url, headers=headers, timeout=20, trust_env=False)
        )
        return opened[-1]

    yield make
    for each in opened:
        each.close()
