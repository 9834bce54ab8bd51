"""Clients with keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from safelight.accounts import KeyScope
from support.fake_api_server import Live

ClientWith = Callable[..., httpx.Client]


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
