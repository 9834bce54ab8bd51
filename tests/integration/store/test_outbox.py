from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from safelight.store.database import Database
from safelight.store.outbox import RETRY_BACKOFF, Outbox
from safelight.store.tables import outbox
from support.concurrency import run_together
from support.review_room import Clock

pytestmark = pytest.mark.both_databases


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    with closing(Database(database_url, clock=clock)) as made:
        yield made


@pytest.fixture
def box(database: Database) -> Outbox:
    return Outbox(database)


def publish(database: Database, *subjects: str, topic: str = "events", **times: float) -> None:
    for subject in subjects:
        with database.transaction("acme") as tx:
            tx.publish(topic, subject=subject, body={"id": subject}, **times)
        # Ids of the same millisecond are in no order, and neither are their messages.
        last = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == last:
            pass


def test_a_message_is_claimed_once_with_its_content_when_it_is_due(
    database: Database, box: Outbox, clock: Clock
) -> None:
    publish(database, "a", "b")
    publish(database, "c", topic="webhooks")
    publish(database, "later", due_at=clock.now + 50)
    claimed = box.claim("events")
    assert [message.subject for message in claimed] == ["a", "b"]
    assert (claimed[0].tenant, claimed[0].body, claimed[0].attempt) == ("acme", {"id": "a"}, 1)
    assert box.claim("events") == ()
    assert [message.subject for message in box.claim("webhooks")] == ["c"]
    clock.now += 50
    assert [message.subject for message in box.claim("events")] == ["later"]


def test_messages_of_a_dead_worker_are_claimed_by_another(
    database: Database, box: Outbox, clock: Clock
) -> None:
    publish(database, "a")
    box.claim("events")
    clock.now += 59
    assert box.claim("events") == ()
    clock.now += 2
    (again,) = box.claim("events")
    assert again.attempt == 2
    box.mark_delivered(again)
    clock.now += 10_000
    assert box.claim("events") == ()


def test_a_failed_message_is_retried_with_growing_delays_then_given_up(
    database: Database, box: Outbox, clock: Clock
) -> None:
    publish(database, "a")
    waits = []
    while (due := box.mark_failed(box.claim("events")[0], "connection refused")) is not None:
        waits.append(due - clock.now)
        clock.now = due
    assert tuple(waits[: len(RETRY_BACKOFF.delays_s)]) == RETRY_BACKOFF.delays_s
    assert waits == sorted(waits)
    assert len(waits) + 1 == RETRY_BACKOFF.max_attempts
    clock.now += 1_000_000
    assert box.claim("events") == ()
    with database.read_transaction("acme") as tx:
        (row,) = tx.select(outbox)
    assert (row.dead_at is not None, row.last_error) == (True, "connection refused")


def test_a_permanent_failure_is_given_up_at_once(database: Database, box: Outbox, clock: Clock) -> None:
    publish(database, "a")
    assert box.mark_failed(box.claim("events")[0], "gone", permanent=True) is None
    clock.now += 1_000_000
    assert box.claim("events") == ()


def test_concurrent_workers_never_get_the_same_message(database: Database, box: Outbox) -> None:
    published = [f"m{number:02}" for number in range(30)]
    publish(database, *published)
    claimed: list[str] = []

    def work() -> None:
        while messages := box.claim("events", limit=4):
            claimed.extend(message.subject for message in messages)

    run_together([work] * 3)
    assert sorted(claimed) == published


def test_old_delivered_messages_are_deleted(database: Database, box: Outbox, clock: Clock) -> None:
    publish(database, "a", "b")
    box.mark_delivered(box.claim("events", limit=1)[0])
    assert box.prune(before=clock.now + 1) == 1
    with database.read_transaction("acme") as tx:
        assert [row.subject for row in tx.select(outbox)] == ["b"]
