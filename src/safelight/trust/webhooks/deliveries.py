"""Events on their way to endpoints: queued, claimed, arrived, tried again, given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from safelight.backoff import Backoff
from safelight.ids import new_id
from safelight.store.database import Database
from safelight.store.outbox import BACKOFF
from safelight.store.tables import outbox, webhook_endpoints
from safelight.store.transaction import Transaction

from . import store
from .models import EventType, RegisteredEndpoint, WebhookDelivery

#: In the outbox: one message per event and endpoint; its subject is the endpoint.
TOPIC = "webhook"
#: A message that is older when an attempt fails is given up, however often it was tried.
MAX_AGE_S = 24 * 3600.0
#: How long an endpoint that fails gets nothing, whatever waits for it.
REST = Backoff.doubling(first_s=5.0, max_s=300.0)
#: To one endpoint at the same time from one process.
AT_ONCE = 2
_KEEP_S = 7 * 86400.0
_ENDPOINTS = 100


class Deliveries:
    """At least once: a process that dies between sending and saying so leaves the message to be sent again,
    with the same id. No two processes send one message at the same time."""

    def __init__(self, database: Database, *, lease_s: float = 60.0) -> None:
        self._database = database
        self._lease_s = lease_s

    def enqueue(
        self, tx: Transaction, *, tenant: str, event_id: str, kind: EventType, at: float, payload: bytes
    ) -> int:
        """Leave an event for every endpoint that wants it and was there when it happened; how many."""
        rows = tx.select(
            webhook_endpoints,
            webhook_endpoints.c.tenant_id == tenant,
            webhook_endpoints.c.disabled_at.is_(None),
            webhook_endpoints.c.created_at <= at,
        )
        wanting = [row.id for row in rows if kind.value in row.events]
        now = tx.now()
        for endpoint in wanting:
            tx.insert(
                outbox,
                id=new_id("event"),
                tenant_id=tenant,
                topic=TOPIC,
                subject=endpoint,
                body=msgspec.json.encode({"event": event_id, "payload": payload.decode()}),
                created_at=now,
                due_at=now,
            )
        return len(wanting)

    def claim(self, under_way: Mapping[str, int], *, limit: int) -> tuple[WebhookDelivery, ...]:
        """What is due, for this caller alone until the lease ends: at most `limit`, at most `AT_ONCE` to one
        endpoint together with what is `under_way`, and the endpoint that waits longest first."""
        with self._database.across_tenants("which webhooks are due", readonly=True) as tx:
            waiting = _waiting(tx)
        if not waiting or limit <= 0:
            return ()
        claimed: list[WebhookDelivery] = []
        with self._database.across_tenants("sending webhooks") as tx:
            for endpoint_id in waiting:
                room = min(AT_ONCE - under_way.get(endpoint_id, 0), limit - len(claimed))
                if room > 0:
                    claimed += self._claim_for(tx, endpoint_id, room)
        return tuple(claimed)

    def _claim_for(self, tx: Transaction, endpoint_id: str, room: int) -> list[WebhookDelivery]:
        row = tx.one(webhook_endpoints, webhook_endpoints.c.id == endpoint_id)
        now = tx.now()
        due = tx.select(
            outbox,
            *_open(endpoint_id),
            outbox.c.due_at <= now,
            order_by=(outbox.c.due_at, outbox.c.id),
            limit=room,
            lock=True,
            skip_locked=True,
        )
        if row is None or row.disabled_at is not None:
            for message in due:
                tx.update(outbox, outbox.c.id == message.id, dead_at=now, last_error="no such endpoint")
            return []
        for message in due:
            tx.update(
                outbox,
                outbox.c.id == message.id,
                attempts=message.attempts + 1,
                due_at=now + self._lease_s,
            )
        return [_delivery(message, store.endpoint(row)) for message in due]

    def mark_delivered(self, delivery: WebhookDelivery, status: int) -> None:
        """It is never sent again, and the endpoint is well."""
        with self._database.across_tenants("a webhook arrived") as tx:
            now = tx.now()
            tx.update(outbox, outbox.c.id == delivery.id, delivered_at=now, last_error=None)
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == delivery.endpoint.id,
                failing_since=None,
                failures=0,
                last_status=status,
                last_error=None,
                last_success_at=now,
            )

    def mark_failed(self, delivery: WebhookDelivery, why: str, status: int | None) -> float | None:
        """The time of the next try, or None where it is given up; the endpoint rests meanwhile."""
        with self._database.across_tenants("a webhook did not arrive") as tx:
            now = tx.now()
            row = tx.one(webhook_endpoints, webhook_endpoints.c.id == delivery.endpoint.id, lock=True)
            if row is None:
                return None
            failures = row.failures + 1
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == row.id,
                failing_since=now if row.failing_since is None else row.failing_since,
                failures=failures,
                last_status=status,
                last_error=why[:500],
            )
            rested = self._rest(tx, row.id, now, failures)
            if BACKOFF.is_exhausted(delivery.attempt) or now - delivery.created_at >= MAX_AGE_S:
                tx.update(outbox, outbox.c.id == delivery.id, dead_at=now, last_error=why[:500])
                return None
            due = max(rested, now + BACKOFF.delay_s(delivery.attempt))
            tx.update(outbox, outbox.c.id == delivery.id, due_at=due, last_error=why[:500])
            return due

    def _rest(self, tx: Transaction, endpoint_id: str, now: float, failures: int) -> float:
        until: float = now + REST.delay_s(failures)
        tx.update(outbox, *_open(endpoint_id), outbox.c.due_at < until, due_at=until)
        tx.update(
            outbox,
            *_open(endpoint_id),
            outbox.c.created_at < now - MAX_AGE_S,
            dead_at=now,
            last_error="The endpoint failed for too long.",
        )
        return until

    def tidy(self) -> int:
        """Remove what arrived or was given up long ago, and what nobody was told of; how many."""
        with self._database.across_tenants("old messages") as tx:
            old = tx.now() - _KEEP_S
            gone = tx.delete(outbox, outbox.c.delivered_at < old)
            return gone + tx.delete(outbox, outbox.c.topic == TOPIC, outbox.c.dead_at < old)


def _open(endpoint_id: str) -> tuple[Any, ...]:
    return (
        outbox.c.topic == TOPIC,
        outbox.c.subject == endpoint_id,
        outbox.c.delivered_at.is_(None),
        outbox.c.dead_at.is_(None),
    )


def _waiting(tx: Transaction) -> list[str]:
    """Endpoints something is due for, the one that waits longest first."""
    first = func.min(outbox.c.due_at)
    statement = (
        select(outbox.c.subject)
        .where(
            outbox.c.topic == TOPIC,
            outbox.c.due_at <= tx.now(),
            outbox.c.delivered_at.is_(None),
            outbox.c.dead_at.is_(None),
        )
        .group_by(outbox.c.subject)
        .order_by(first)
        .limit(_ENDPOINTS)
    )
    return [row.subject for row in tx.execute(statement)]


def _delivery(row: Row[Any], endpoint: RegisteredEndpoint) -> WebhookDelivery:
    body = msgspec.json.decode(row.body)
    return WebhookDelivery(
        id=row.id,
        event_id=body["event"],
        endpoint=endpoint,
        payload=body["payload"].encode(),
        created_at=row.created_at,
        attempt=row.attempts + 1,
    )
