from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from safelight.store.database import Database
from support.review_room import Clock, ReviewRoom


@pytest.fixture
def room(database_url: str) -> Iterator[ReviewRoom]:
    clock = Clock()
    with closing(Database(database_url, clock=clock)) as database:
        yield ReviewRoom(database, clock)
