"""A process that scans needs no more of the database than the rights of deploy/postgres-s3/scan-user.sql."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Table, event
from sqlalchemy.exc import ProgrammingError

from safelight.store.database import Database
from safelight.store.tables import (
    audit_log_contents,
    cases,
    invitations,
    people,
    sessions,
    statements,
    webhook_endpoints,
)
from safelight.videos.models import VideoState
from support.house import Furnish, House
from support.scan_user import scan_user
from support.spoken_clips import speaking_house

from .test_fleet_roles import order_with_picture, scanner, worker
from .test_transcripts import BLOCKED_WORDS

pytestmark = pytest.mark.postgres
POLICY = """
policy: house
extends: starter
rules:
  - id: card-1
    disabled: true
  - id: said-1
    reason: The words of the test card are said.
    category: {category}
    when: {{test_card: true, stage: output}}
    action: {action}
"""
Restrict = Callable[[Callable[[], object]], None]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def restrict(database: Database, postgres_url: str) -> Iterator[Restrict]:
    """Call a function whose transactions have only the rights of a process that scans."""
    restricted = threading.local()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # As the engine makes it in a gateway.
        connection.execute("CREATE SCHEMA dbos")
    with scan_user(postgres_url) as user:

        @event.listens_for(database._engine, "begin")
        def begin(connection: Connection) -> None:
            if getattr(restricted, "is_on", False):
                connection.exec_driver_sql(f'SET LOCAL ROLE "{user.name}"')

        def call(function: Callable[[], object]) -> None:
            restricted.is_on = True
            try:
                function()
            finally:
                restricted.is_on = False

        yield call
        event.remove(database._engine, "begin", begin)


@pytest.mark.parametrize(
    ("action", "category", "state"),
    [
        ("allow", "deception", VideoState.SEALING),
        ("hold", "deception", VideoState.HELD),
        ("block", "violence/graphic", VideoState.BLOCKED),
        ("hold", "sexual/minors", VideoState.HELD),
    ],
)
def test_a_clip_is_scanned(
    furnish: Furnish, restrict: Restrict, tmp_path: Path, action: str, category: str, state: VideoState
) -> None:
    policy = tmp_path / "house.yaml"
    policy.write_text(POLICY.format(action=action, category=category))
    with speaking_house(
        partial(furnish, policy={"document": str(policy)}), tmp_path, *BLOCKED_WORDS
    ) as house:
        house.waive()
        # The case of a second one is decided with that of the first.
        for number in (1, 2):
            video, scans = house.order(), scanner(house)
            worker(house).run(video)
            assert house.reread(video).state is VideoState.SCANNING
            restrict(partial(scans.run, video))
            assert house.reread(video).state is state
            with house.read_transaction() as tx:
                assert tx.count(statements) == number * (state is VideoState.BLOCKED)
                assert tx.count(cases) == number * (state is VideoState.HELD)


def test_references_are_screened(house: House, restrict: Restrict, tmp_path: Path) -> None:
    video, scans = order_with_picture(house, tmp_path), scanner(house)
    restrict(partial(scans.run, video))
    assert house.reread(video).state is VideoState.GENERATING


def test_secrets_people_and_the_log_cannot_be_read(house: House, restrict: Restrict) -> None:
    for table in (audit_log_contents, invitations, people, sessions, webhook_endpoints):

        def read(table: Table = table) -> None:
            with house.database.across_tenants("a test", readonly=True) as tx:
                tx.select(table)

        with pytest.raises(ProgrammingError, match="permission denied"):
            restrict(read)
