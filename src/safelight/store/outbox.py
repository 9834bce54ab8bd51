"""The transactional outbox: its messages are claimed, delivered, retried, and finally marked dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from safelight.core.backoff import Backoff

from .database import Database, Transaction
from .rows import read_record
from .tables import outbox

#: Delays between the attempts. After the last attempt a message is marked dead and kept for inspection.
RETRY_BACKOFF = Backoff(delays_s=(5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0), max_attempts=12)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that this process has claimed."""

    id: str
    #: The tenant of the message; None: the whole installation.
    tenant: str | None
    topic: str
    subject: str
    body: Mapping[str, Any]
    created_at: float
    #: The number of times that the message was claimed, including this claim.
    attempt: int


class Outbox:
    """Delivers each message at least once.

    If a worker stops after sending a message and before `mark_delivered`, the message is sent again.
    """

    def __init__(self, database: Database, *, lease_s: float = 60.0) -> None:
        self._database = database
        self._lease_s = lease_s

    def claim(self, topic: str, *, limit: int = 20) -> tuple[Message, ...]:
        """Claim the messages that are due, oldest first.

        No other caller gets them until the lease expires.
        """
        with self._database.across_tenants("claiming due messages") as tx:
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
                tx.update(outbox, row.id, attempts=row.attempts + 1, due_at=now + self._lease_s)
        return tuple(
            read_record(Message, row, body=msgspec.json.decode(row.body), attempt=row.attempts + 1)
            for row in rows
        )

    def mark_delivered(self, message: Message, *, body: bytes | None = None) -> None:
        """Mark a message as delivered, so that it is not claimed again. `body` replaces its body."""
        with self._database.across_tenants("a message was delivered") as tx:
            tx.update(outbox, message.id, delivered_at=tx.now(), last_error=None)
            _replace_body(tx, message, body)

    def mark_failed(
        self, message: Message, error: str, *, permanent: bool = False, body: bytes | None = None
    ) -> float | None:
        """Record a failed attempt. Returns the time of the next attempt; None if the message is now dead.

        `body` replaces the body of a dead message.
        """
        with self._database.across_tenants("a message was not delivered") as tx:
            now = tx.now()
            mine = outbox.c.id == message.id
            if permanent or RETRY_BACKOFF.is_exhausted(message.attempt):
                tx.update(outbox, mine, dead_at=now, last_error=error[:1000])
                _replace_body(tx, message, body)
                return None
            due = now + RETRY_BACKOFF.delay_s(message.attempt)
            tx.update(outbox, mine, due_at=due, last_error=error[:1000])
            return due

    def prune(self, *, before: float) -> int:
        """Delete the messages that were delivered before this time. Returns their number."""
        with self._database.across_tenants("old messages") as tx:
            return tx.delete(outbox, outbox.c.delivered_at < before)


def _replace_body(tx: Transaction, message: Message, body: bytes | None) -> None:
    if body is not None:
        tx.update(outbox, message.id, body=body)
