"""The connections to PostgreSQL: as many as are allowed, and a clear error when none is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from sqlalchemy import make_url

from safelight.core.errors import Unavailable
from safelight.store.database import Database

pytestmark = pytest.mark.postgres
_LIMIT = 3


@pytest.fixture
def limited_url(postgres_url: str) -> Iterator[str]:
    """A database that allows few connections."""

    def limit(connections: int) -> None:
        name = make_url(postgres_url).database
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT {connections}'.encode())

    limit(_LIMIT)
    yield postgres_url
    limit(-1)


def test_a_process_opens_no_more_connections_than_it_may(postgres_url: str) -> None:
    with closing(Database(postgres_url, connections=2, wait_s=0.1)) as database, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(database.raw_connection())
        with pytest.raises(Unavailable, match="All connections to the database are in use"):
            stack.enter_context(database.raw_connection())


def test_a_server_without_a_free_connection_is_not_unreachable(limited_url: str) -> None:
    with closing(Database(limited_url, connections=_LIMIT + 1)) as database, ExitStack() as stack:
        read = database.read_connections()
        assert read is not None
        assert read[0] == _LIMIT
        for _ in range(_LIMIT):
            stack.enter_context(database.raw_connection())
        with pytest.raises(Unavailable, match="All connections to the database are in use"):
            stack.enter_context(database.raw_connection())
