from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from safelight.store.database import Database
from safelight.store.outbox import RETRY_BACKOFF, Message, Outbox
from safelight.store.tables import outbox

pytestmark = pytest.mark.both_databases


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    database = Database(database_url, clock=clock)
    yield database
    database.close()


def publish(database: Database, *subjects: str, topic: str = "events") -> None:
    for subject in subjects:
        with database.transaction("acme") as tx:
            tx.publish(topic, subject=subject, body={"id": subject})


def test_a_message_is_claimed_once_with_its_content(database: Database) -> None:
    publish(database, "a", "b")
    publish(database, "c", topic="webhooks")
    box = Outbox(database)
    claimed = box.claim("events")
    assert [message.subject for message in claimed] == ["a", "b"]
    assert claimed[0].tenant == "acme"
    assert claimed[0].body == {"id": "a"}
    assert claimed[0].attempt == 1
    assert box.claim("events") == ()
    assert [message.subject for message in box.claim("webhooks")] == ["c"]


def test_messages_of_a_dead_worker_are_claimed_by_another(database: Database, clock: Clock) -> None:
    publish(database, "a")
    box = Outbox(database, lease_s=60)
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
    database: Database, clock: Clock
) -> None:
    publish(database, "a")
    box = Outbox(database)
    waits = []
    message: Message | None = None
    assert RETRY_BACKOFF.max_attempts is not None
    for _ in range(RETRY_BACKOFF.max_attempts):
        (message,) = box.claim("events")
        due = box.mark_failed(message, "connection refused")
        if due is not None:
            waits.append(due - clock.now)
            clock.now = due
    assert tuple(waits[: len(RETRY_BACKOFF.delays_s)]) == RETRY_BACKOFF.delays_s
    assert waits == sorted(waits)
    assert len(waits) == RETRY_BACKOFF.max_attempts - 1
    clock.now += 1_000_000
    assert box.claim("events") == ()
    with database.read_transaction("acme") as tx:
        row = tx.one(outbox)
    assert row is not None
    assert row.dead_at is not None
    assert row.last_error == "connection refused"


def test_a_permanent_failure_is_given_up_at_once(database: Database, clock: Clock) -> None:
    publish(database, "a")
    box = Outbox(database)
    assert box.mark_failed(box.claim("events")[0], "gone", permanent=True) is None
    clock.now += 1_000_000
    assert box.claim("events") == ()


def test_a_message_with_a_later_time_waits(database: Database, clock: Clock) -> None:
    with database.transaction("acme") as tx:
        tx.publish("events", subject="a", body={}, due_at=clock.now + 100)
    box = Outbox(database)
    assert box.claim("events") == ()
    clock.now += 100
    assert len(box.claim("events")) == 1


def test_concurrent_workers_never_get_the_same_message(database: Database) -> None:
    publish(database, *(f"m{number}" for number in range(30)))
    claimed: list[str] = []

    def work() -> None:
        box = Outbox(database)
        while messages := box.claim("events", limit=4):
            claimed.extend(message.subject for message in messages)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(f"m{number}" for number in range(30))


def test_old_delivered_messages_are_deleted(database: Database, clock: Clock) -> None:
    publish(database, "a", "b")
    box = Outbox(database)
    box.mark_delivered(box.claim("events", limit=1)[0])
    assert box.prune(before=clock.now + 1) == 1
    with database.read_transaction("acme") as tx:
        assert [row.subject for row in tx.select(outbox)] == ["b"]
