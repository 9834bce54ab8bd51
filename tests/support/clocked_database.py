"""Fixtures: a clock that tests move, a database that reads it, and what many tests open on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from safelight.accounts import Accounts
from safelight.store.database import Database
from support.review_room import Clock, ReviewRoom


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    with closing(Database(database_url, clock=clock)) as made:
        yield made


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def room(database: Database, clock: Clock) -> ReviewRoom:
    return ReviewRoom(database, clock)
