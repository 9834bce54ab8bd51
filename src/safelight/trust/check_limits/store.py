"""Stores the number of checks per principal or end user and minute. All processes share these rows."""

from __future__ import annotations

from safelight.store.tables import check_usage
from safelight.store.transaction import Transaction

from .models import oldest_counted_minute, start_of_minute

#: Value of `window_start` in the row that a transaction locks, so that concurrent checks are counted one
#: after another.
_LOCK_ROW = 0


def lock_subject(tx: Transaction, subject: str) -> None:
    """Lock the counts of this principal or end user until the transaction ends."""
    tx.insert_or_ignore(check_usage, subject=subject, window_start=_LOCK_ROW, used=0)
    tx.one(check_usage, check_usage.c.subject == subject, check_usage.c.window_start == _LOCK_ROW, lock=True)


def read_usage(tx: Transaction, subject: str, now: float) -> list[tuple[int, int]]:
    """Pairs of the start of a minute and the number of checks in it, within the last hour."""
    rows = tx.select(
        check_usage,
        check_usage.c.subject == subject,
        check_usage.c.window_start >= max(oldest_counted_minute(now), _LOCK_ROW + 1),
    )
    return [(row.window_start, row.used) for row in rows]


def add_usage(tx: Transaction, subject: str, cost: int, now: float) -> None:
    """Add `cost` to the current minute, and delete minutes that no longer count."""
    at = start_of_minute(now)
    mine = (check_usage.c.subject == subject, check_usage.c.window_start == at)
    tx.delete(
        check_usage,
        check_usage.c.subject == subject,
        check_usage.c.window_start > _LOCK_ROW,
        check_usage.c.window_start < oldest_counted_minute(now),
    )
    tx.insert_or_ignore(check_usage, subject=subject, window_start=at, used=0)
    tx.update(check_usage, *mine, used=check_usage.c.used + cost)
