"""What most tests of this folder open on the database."""

from __future__ import annotations

import pytest

from safelight.store.database import Database
from safelight.trust.accounts import Accounts
from support.review_room import Clock, ReviewRoom


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def room(database: Database, clock: Clock) -> ReviewRoom:
    return ReviewRoom(database, clock)
