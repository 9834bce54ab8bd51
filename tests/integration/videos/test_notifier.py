"""From what happens to a video to what a receiver gets, on both databases and over real HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from safelight.accounts.webhooks import Deliveries, build_payload, signature
from safelight.core.errors import RequestBlocked
from safelight.core.ids import new_id
from safelight.core.net.webhook_client import DeliverLimits, WebhookClient
from safelight.core.net.webhook_inputs import EventType, NewEndpoint
from safelight.store.database import Database
from safelight.store.tables import outbox, vault_entries, webhook_endpoints
from safelight.videos.models import VideoState
from safelight.videos.sweeper import Sweeper
from safelight.videos.vault_entries import VaultKind, open_entry
from safelight.web.notifier import Notifier
from support.concurrency import run_together
from support.webhook_receiver import Got, Target, target

from .conftest import Furnish, House
from .test_video_lifecycle import NoEngine

EVERYTHING = [kind.value for kind in EventType]


@pytest.fixture
def to() -> Iterator[Target]:
    with target() as made:
        yield made


def notifier(database: Database, to: Target, *, lease_s: float = 60.0) -> Notifier:
    deliverer = WebhookClient(allow_hosts={to.host}, limits=DeliverLimits(total_s=20.0, idle_s=20.0))
    return Notifier(database, Deliveries(database, lease_s=lease_s), deliverer, stopping=threading.Event())


def is_idle(made: Notifier) -> bool:
    """Whether no message is being sent at the moment."""
    with made._lock:
        return not made._in_flight.total()


def tell(made: Notifier) -> None:
    """Everything that is due, to its end."""
    while made.queue_events():
        continue
    while True:
        # Read before `send`: a delivery that ends between the two calls makes room for more.
        quiet = is_idle(made)
        if not made.send() and quiet:
            return
        time.sleep(0.005)


def listening(house: House, to: Target, *events: str) -> str:
    """An endpoint for the target; its secret."""
    house.container.persistence.webhook_client = WebhookClient(allow_hosts={to.host})
    _, secret = house.container.persistence.webhooks.create(
        house.who, NewEndpoint(url=to.url, event_types=list(events or EVERYTHING))
    )
    return secret


def bodies(got: list[Got]) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in got]


def test_a_delivery_sends_one_signed_webhook_with_only_the_video_id(house: House, to: Target) -> None:
    secret = listening(house, to)
    video = house.make()
    for _ in range(2):
        tell(notifier(house.database, to))
    (got,) = to.got
    body = json.loads(got.body)
    assert body == {
        "object": "event",
        "id": got.headers["webhook-id"],
        "type": "video.completed",
        "created_at": body["created_at"],
        "data": {"id": video.id},
    }
    timestamp = int(got.headers["webhook-timestamp"])
    assert abs(timestamp - time.time()) < 60
    assert got.headers["webhook-signature"] == signature(secret, body["id"], timestamp, got.body)


def test_webhooks_are_sent_for_ended_held_and_withdrawn_videos_only(furnish: Furnish, to: Target) -> None:
    house = furnish(review={"due_minutes": 0.00001})
    listening(house, to)
    held = house.make()
    Sweeper(house.context, NoEngine()).sweep()  # type: ignore[arg-type]
    house.waive()
    done = house.make()
    house.withdraw(done, actor="ada", why="a test")
    with pytest.raises(RequestBlocked):
        house.order("SAFELIGHT-TEST:violence")
    tell(notifier(house.database, to))
    assert sorted((body["type"], body["data"]["id"]) for body in bodies(to.got)) == [
        ("video.completed", done.id),
        ("video.failed", held.id),
        ("video.held", held.id),
        ("video.withdrawn", done.id),
    ]


def test_a_block_of_an_end_user_sends_the_openai_event(house: House, to: Target) -> None:
    listening(house, to, "safety_identifier.blocked")
    with pytest.raises(RequestBlocked) as caught:
        house.order("SAFELIGHT-TEST:violence", safety_identifier="user-1")
    with pytest.raises(RequestBlocked):
        house.order("SAFELIGHT-TEST:violence")
    tell(notifier(house.database, to))
    (body,) = bodies(to.got)
    assert body["type"] == "safety_identifier.blocked"
    assert body["data"] == {
        "safety_identifier": "user-1",
        "safety_category": "violence",
        "model": "instant-1",
        "project_id": house.container.persistence.tenant,
        "request_id": caught.value.details["video_id"],
    }


def test_without_endpoints_no_messages_are_stored(house: House, to: Target) -> None:
    video = house.make()
    assert video.state is VideoState.DELIVERED
    tell(notifier(house.database, to))
    with house.database.across_tenants("a test", readonly=True) as tx:
        assert tx.count(outbox, outbox.c.delivered_at.is_(None)) == 0
        assert tx.count(outbox, outbox.c.topic == "webhook") == 0


def test_a_recovered_endpoint_gets_the_message_with_the_same_id(house: House, to: Target) -> None:
    listening(house, to, "video.completed")
    house.make()
    to.status = 503
    tell(notifier(house.database, to))
    assert len(to.got) == 1
    to.status = 200
    with closing(Database(house.database.url, clock=lambda: time.time() + 60)) as later:
        tell(notifier(later, to))
    first, second = to.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_endpoint_that_refuses_is_shown_as_failing(house: House, to: Target, status: int) -> None:
    listening(house, to, "video.completed")
    house.make()
    to.status, to.location = status, "http://127.0.0.1:1/elsewhere"
    tell(notifier(house.database, to))
    (endpoint,) = house.container.persistence.webhooks.list(house.who)
    assert endpoint.failing_since is not None
    assert (endpoint.failures, endpoint.last_status) == (1, status)


def endpoints(database: Database, to: Target, count: int) -> list[str]:
    made = [new_id("webhook") for _ in range(count)]
    for endpoint in made:
        with database.transaction("acme") as tx:
            tx.insert(
                webhook_endpoints,
                id=endpoint,
                name="x",
                url=to.url,
                events=EVERYTHING,
                secrets=[{"value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "expires_at": None}],
                created_at=0.0,
                updated_at=0.0,
            )
    return made


def queue(database: Database, count: int) -> set[str]:
    ids = {new_id("event") for _ in range(count)}
    with database.across_tenants("a test") as tx:
        for event in ids:
            Deliveries(database).enqueue(
                tx,
                tenant="acme",
                event_id=event,
                kind=EventType.VIDEO_COMPLETED,
                at=tx.now(),
                payload=build_payload(event, EventType.VIDEO_COMPLETED, tx.now(), {"id": "video_1"}),
            )
    return ids


def test_several_workers_send_every_message_once(database: Database, to: Target) -> None:
    endpoints(database, to, 2)
    ids = queue(database, 30)
    with closing(Database(database.url)) as second:
        run_together([partial(tell, notifier(store, to)) for store in (database, second, database)])
    with database.across_tenants("a test", readonly=True) as tx:
        assert [row.last_error for row in tx.select(outbox) if row.delivered_at is None] == []
    got = Counter(each.headers["webhook-id"] for each in to.got)
    assert got == Counter(dict.fromkeys(ids, 2))


def test_several_workers_queue_every_event_once(house: House, to: Target) -> None:
    listening(house, to, "video.completed")
    videos = [house.make() for _ in range(4)]
    run_together([partial(tell, notifier(house.database, to)) for _ in range(3)])
    assert sorted(body["data"]["id"] for body in bodies(to.got)) == sorted(video.id for video in videos)


def test_a_slow_endpoint_does_not_delay_others(database: Database, to: Target) -> None:
    with target() as slow:
        slow.hold = threading.Event()
        endpoints(database, slow, 1)
        queue(database, 10)
        endpoints(database, to, 1)
        made = Notifier(
            database,
            Deliveries(database),
            WebhookClient(allow_hosts={to.host, slow.host}, limits=DeliverLimits(total_s=60.0, idle_s=60.0)),
            stopping=threading.Event(),
        )
        queue(database, 5)
        while len(to.got) < 5:
            made.send()
            time.sleep(0.005)
        assert slow.most_under_way <= 2
        slow.hold.set()
        while not is_idle(made):
            time.sleep(0.005)


SENDER = """
import sys, threading, time
from safelight.web.notifier import Notifier
from safelight.core.net.webhook_client import DeliverLimits, WebhookClient
from safelight.store.database import Database
from safelight.accounts.webhooks import Deliveries
database = Database(sys.argv[1])
client = WebhookClient(allow_hosts={sys.argv[2]}, limits=DeliverLimits(total_s=60.0, idle_s=60.0))
made = Notifier(database, Deliveries(database), client, stopping=threading.Event())
made.send()
time.sleep(60)
"""


@pytest.mark.both_databases
def test_messages_of_a_killed_sender_are_sent_by_the_next(database: Database, to: Target) -> None:
    endpoints(database, to, 1)
    ids = queue(database, 2)
    to.hold = threading.Event()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SENDER), database.url, to.host],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    to.wait_for(2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    to.hold.set()
    tell(notifier(database, to))
    assert len(to.got) == 2, "its lease still runs"
    with closing(Database(database.url, clock=lambda: time.time() + 61)) as later:
        tell(notifier(later, to))
    got = Counter(each.headers["webhook-id"] for each in to.got)
    assert got == Counter(dict.fromkeys(ids, 2))


def test_a_drift_is_sent_once_and_only_to_endpoints_of_its_tenant(house: House, to: Target) -> None:
    listening(house, to, "provider.drift")
    database, tenant = house.database, house.who.tenant
    drift = {"id": new_id("drift"), "provider": "runway", "kind": "refuses_more"}
    with database.across_tenants("a test") as tx:
        for owner in (tenant, "tenant_other"):
            tx.publish("provider.drift", subject=drift["id"], body=drift, tenant=owner)
    tell(notifier(database, to))
    (body,) = bodies(to.got)
    assert (body["type"], body["data"]) == ("provider.drift", drift)


def test_an_alert_of_the_vault_names_the_entry_and_not_its_video(house: House, to: Target) -> None:
    listening(house, to, "vault.opened", "vault.overdue")
    with house.transaction() as tx:
        open_entry(tx, "video_1", VaultKind.VAULTED)
        tx.update(vault_entries, due_at=tx.now() - 1)
    house.container.mails.vault.send_due()
    tell(notifier(house.database, to))
    opened, overdue = sorted(bodies(to.got), key=lambda body: str(body["type"]))
    assert (opened["type"], overdue["type"]) == ("vault.opened", "vault.overdue")
    assert opened["data"].keys() == {"id", "kind", "due_at", "path"}
    assert "video_1" not in str(opened)


def test_a_case_is_announced_when_it_is_opened_and_when_it_is_nearly_due(
    furnish: Furnish, to: Target
) -> None:
    house = furnish()
    listening(house, to, "case.opened", "case.due_soon")
    database = house.database
    video = house.make()
    assert video.state is VideoState.HELD
    tell(notifier(database, to))
    (opened,) = bodies(to.got)
    assert opened["type"] == "case.opened"
    assert opened["data"]["path"] == f"/review/{opened['data']['id']}"
    assert set(opened["data"]) == {"id", "kind", "due_at", "path"}
    with database.transaction(video.tenant) as tx:
        due_soon = outbox.c.topic == "case.due_soon"
        (row,) = tx.select(outbox, due_soon)
        assert tx.now() < row.due_at < opened["data"]["due_at"]
        tx.update(outbox, due_soon, due_at=tx.now())
    tell(notifier(database, to))
    assert [body["type"] for body in bodies(to.got)] == ["case.opened", "case.due_soon"]
