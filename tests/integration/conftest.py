"""A clock that tests move, and a database that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from safelight.store.database import Database
from support.review_room import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    with closing(Database(database_url, clock=clock)) as made:
        yield made
