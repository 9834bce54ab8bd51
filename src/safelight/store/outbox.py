"""Messages that left with a transaction and are on their way: claimed, sent, tried again, given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from safelight.backoff import Backoff

from .database import Database
from .tables import outbox

#: When a message is sent again. After the last attempt it is dead, and stays for inspection.
BACKOFF = Backoff(delays_s=(5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0), max_attempts=12)


@dataclass(frozen=True, kw_only=True)
class Message:
    id: str
    #: None: the whole installation.
    tenant: str | None
    topic: str
    subject: str
    body: Mapping[str, Any]
    created_at: float
    #: How often it was claimed, this time included.
    attempt: int


class Outbox:
    """Delivers at least once: a worker that dies between sending and saying so sends again."""

    def __init__(self, database: Database, *, lease_s: float = 60.0) -> None:
        self._database = database
        self._lease_s = lease_s

    def claim(self, topic: str, *, limit: int = 20) -> tuple[Message, ...]:
        """Messages that are due, oldest first, for this caller alone until the lease runs out."""
        with self._database.across_tenants("sending what is due") as tx:
            now = tx.now()
            rows = tx.select(
                outbox,
                outbox.c.topic == topic,
                outbox.c.due_at <= now,
                outbox.c.delivered_at.is_(None),
                outbox.c.dead_at.is_(None),
                order_by=(outbox.c.due_at, outbox.c.id),
                limit=limit,
                lock=True,
                skip_locked=True,
            )
            for row in rows:
                tx.update(
                    outbox, outbox.c.id == row.id, attempts=row.attempts + 1, due_at=now + self._lease_s
                )
        return tuple(
            Message(
                id=row.id,
                tenant=row.tenant_id,
                topic=row.topic,
                subject=row.subject,
                body=msgspec.json.decode(row.body),
                created_at=row.created_at,
                attempt=row.attempts + 1,
            )
            for row in rows
        )

    def delivered(self, message: Message) -> None:
        """It arrived; it is never claimed again."""
        with self._database.across_tenants("a message arrived") as tx:
            tx.update(outbox, outbox.c.id == message.id, delivered_at=tx.now(), last_error=None)

    def failed(self, message: Message, why: str, *, for_good: bool = False) -> float | None:
        """It did not arrive: the time of the next try, or None where it is given up."""
        with self._database.across_tenants("a message did not arrive") as tx:
            now = tx.now()
            mine = outbox.c.id == message.id
            if for_good or BACKOFF.is_exhausted(message.attempt):
                tx.update(outbox, mine, dead_at=now, last_error=why[:1000])
                return None
            due = now + BACKOFF.delay_s(message.attempt)
            tx.update(outbox, mine, due_at=due, last_error=why[:1000])
            return due

    def prune(self, *, before: float) -> int:
        """Remove messages delivered before this time; says how many."""
        with self._database.across_tenants("old messages") as tx:
            return tx.delete(outbox, outbox.c.delivered_at < before)
