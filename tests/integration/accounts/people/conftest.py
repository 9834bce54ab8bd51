from __future__ import annotations

import pytest

from safelight.accounts import OPERATOR, Accounts, Principal
from safelight.accounts.people import People
from safelight.store.database import Database
from support.people import person


@pytest.fixture
def enrolled(database: Database) -> People:
    return People(database)


@pytest.fixture
def operator(accounts: Accounts) -> Principal:
    return person(accounts.create_tenant("Acme").id, identity=OPERATOR)
