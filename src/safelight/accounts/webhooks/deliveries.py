"""The delivery queue of webhooks: enqueues events, hands them to senders, and schedules retries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import case, func, or_, select

from safelight.core.backoff import Backoff
from safelight.core.ids import new_id
from safelight.core.net.webhook_inputs import EventType
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.outbox import RETRY_BACKOFF
from safelight.store.tables import outbox, webhook_endpoints

from .models import RegisteredEndpoint, WebhookDelivery, endpoint_from_row

_log = logging.getLogger(__name__)
#: Outbox topic of webhook messages. There is one message per event and endpoint; its subject is the endpoint.
TOPIC = "webhook"
#: Maximum age of a message. After a failed attempt, an older message is not tried again.
MAX_AGE_S = 24 * 3600.0
#: After a failed attempt, no message is sent to the endpoint for this time.
COOLDOWN = Backoff.doubling(first_s=5.0, max_s=300.0)
#: Maximum number of messages that one process sends to one endpoint at the same time.
MAX_CONCURRENT_PER_ENDPOINT = 2
_RETENTION_S = 7 * 86400.0
_MAX_ENDPOINTS_PER_CLAIM = 100


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a message in the outbox."""

    event: str
    payload: str


class Deliveries:
    """Delivers every event at least once.

    If a process stops before `mark_delivered`, the event is sent again with the same id. A lease prevents two
    processes from sending the same message at the same time.
    """

    def __init__(self, database: Database, *, lease_s: float = 60.0) -> None:
        self._database = database
        self._lease_s = lease_s

    def enqueue(
        self, tx: Transaction, *, tenant: str, event_id: str, kind: EventType, at: float, payload: bytes
    ) -> int:
        """Enqueue an event for each endpoint that had subscribed when it happened.

        Returns the number of endpoints.
        """
        now, created_at = tx.now(), webhook_endpoints.c.created_at
        rows = tx.select(
            webhook_endpoints,
            webhook_endpoints.c.tenant_id == tenant,
            webhook_endpoints.c.disabled_at.is_(None),
            # An endpoint "of the future" was created before the clock of the system went back.
            or_(created_at <= at, created_at > now),
        )
        subscribed = [row.id for row in rows if kind.value in row.events]
        for endpoint in subscribed:
            tx.insert(
                outbox,
                id=new_id("event"),
                tenant_id=tenant,
                topic=TOPIC,
                subject=endpoint,
                body=msgspec.json.encode(_Body(event=event_id, payload=payload.decode())),
                created_at=now,
                due_at=now,
            )
        return len(subscribed)

    def claim(self, under_way: Mapping[str, int], *, limit: int) -> tuple[WebhookDelivery, ...]:
        """Claim up to `limit` due deliveries. No other caller gets them until their lease expires.

        `under_way` is the number of running deliveries of each endpoint; they count towards
        `MAX_CONCURRENT_PER_ENDPOINT`. The endpoint that has waited longest comes first.
        """
        with self._database.across_tenants("listing endpoints with due webhooks", readonly=True) as tx:
            waiting = _endpoints_with_due_messages(tx)
        if not waiting or limit <= 0:
            return ()
        claimed: list[WebhookDelivery] = []
        with self._database.across_tenants("claiming webhooks") as tx:
            for endpoint_id in waiting:
                room = min(MAX_CONCURRENT_PER_ENDPOINT - under_way.get(endpoint_id, 0), limit - len(claimed))
                if room > 0:
                    claimed += self._claim_for(tx, endpoint_id, room)
        return tuple(claimed)

    def _claim_for(self, tx: Transaction, endpoint_id: str, room: int) -> list[WebhookDelivery]:
        row = tx.one(webhook_endpoints, endpoint_id)
        now = tx.now()
        due = tx.select(
            outbox,
            *_undelivered(endpoint_id),
            _is_due(now),
            order_by=(outbox.c.due_at, outbox.c.id),
            limit=room,
            lock=True,
            skip_locked=True,
        )
        if row is None or row.disabled_at is not None:
            for message in due:
                tx.update(outbox, message.id, dead_at=now, last_error="The endpoint was deleted.")
            return []
        claimed = []
        for message in due:
            try:
                claimed.append(_delivery(message, endpoint_from_row(row)))
            except msgspec.DecodeError:
                _log.exception("The webhook message %s cannot be read and is not sent.", message.id)
                tx.update(outbox, message.id, dead_at=now, last_error="The message cannot be read.")
                continue
            tx.update(
                outbox,
                message.id,
                attempts=message.attempts + 1,
                due_at=now + self._lease_s,
            )
        return claimed

    def mark_delivered(self, delivery: WebhookDelivery, status: int) -> None:
        """Record that a delivery succeeded, and clear the failures of its endpoint."""
        with self._database.across_tenants("a webhook was delivered") as tx:
            now = tx.now()
            tx.update(outbox, delivery.id, delivered_at=now, last_error=None)
            tx.update(
                webhook_endpoints,
                delivery.endpoint.id,
                failing_since=None,
                failures=0,
                last_status=status,
                last_error=None,
                last_success_at=now,
            )

    def mark_failed(self, delivery: WebhookDelivery, error: str, status: int | None) -> float | None:
        """Record a failed attempt and pause the endpoint.

        Returns the time of the next attempt, or None if no further attempt is made.
        """
        with self._database.across_tenants("a webhook was not delivered") as tx:
            now = tx.now()
            row = tx.one(webhook_endpoints, delivery.endpoint.id, lock=True)
            if row is None:
                return None
            failures = row.failures + 1
            tx.update(
                webhook_endpoints,
                row.id,
                failing_since=now if row.failing_since is None else row.failing_since,
                failures=failures,
                last_status=status,
                last_error=error[:500],
            )
            paused_until = self._pause(tx, row.id, now, failures)
            if RETRY_BACKOFF.is_exhausted(delivery.attempt) or now - delivery.created_at >= MAX_AGE_S:
                tx.update(outbox, delivery.id, dead_at=now, last_error=error[:500])
                return None
            due = max(paused_until, now + RETRY_BACKOFF.delay_s(delivery.attempt))
            tx.update(outbox, delivery.id, due_at=due, last_error=error[:500])
            return due

    def _pause(self, tx: Transaction, endpoint_id: str, now: float, failures: int) -> float:
        until: float = now + COOLDOWN.delay_s(failures)
        tx.update(
            outbox, *_undelivered(endpoint_id), or_(outbox.c.due_at < until, _is_due(now)), due_at=until
        )
        tx.update(
            outbox,
            *_undelivered(endpoint_id),
            outbox.c.created_at < now - MAX_AGE_S,
            dead_at=now,
            last_error="The endpoint failed for too long.",
        )
        return until

    def prune(self) -> int:
        """Delete messages that were delivered or given up more than a week ago. Returns their number."""
        with self._database.across_tenants("old messages") as tx:
            old = tx.now() - _RETENTION_S
            deleted = tx.delete(outbox, outbox.c.delivered_at < old)
            return deleted + tx.delete(outbox, outbox.c.topic == TOPIC, outbox.c.dead_at < old)


def _undelivered(endpoint_id: str) -> tuple[Any, ...]:
    return (
        outbox.c.topic == TOPIC,
        outbox.c.subject == endpoint_id,
        outbox.c.delivered_at.is_(None),
        outbox.c.dead_at.is_(None),
    )


def _is_due(now: float) -> Filter:
    """Whether a message may be sent: its time has come, or is later than any delay because the clock went
    back.
    """
    pause_s = max(COOLDOWN.delays_s)
    delays_s = {number: max(delay_s, pause_s) for number, delay_s in enumerate(RETRY_BACKOFF.delays_s, 1)}
    longest_s = case({0: pause_s, **delays_s}, value=outbox.c.attempts, else_=max(delays_s.values()))
    return or_(outbox.c.due_at <= now, outbox.c.due_at - longest_s > now)


def _endpoints_with_due_messages(tx: Transaction) -> list[str]:
    """Ids of the endpoints that have due messages. The endpoint that has waited longest comes first."""
    first = func.min(outbox.c.due_at)
    statement = (
        select(outbox.c.subject)
        .where(
            outbox.c.topic == TOPIC,
            _is_due(tx.now()),
            outbox.c.delivered_at.is_(None),
            outbox.c.dead_at.is_(None),
        )
        .group_by(outbox.c.subject)
        .order_by(first)
        .limit(_MAX_ENDPOINTS_PER_CLAIM)
    )
    return [row.subject for row in tx.execute(statement)]


def _delivery(row: Row, endpoint: RegisteredEndpoint) -> WebhookDelivery:
    body = msgspec.json.decode(row.body, type=_Body)
    return WebhookDelivery(
        id=row.id,
        event_id=body.event,
        endpoint=endpoint,
        payload=body.payload.encode(),
        created_at=row.created_at,
        attempt=row.attempts + 1,
    )
