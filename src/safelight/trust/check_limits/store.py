"""Spending by subject and minute, in the database: the same for every process."""

from __future__ import annotations

from safelight.store.tables import check_usage
from safelight.store.transaction import Transaction

from .models import minute, oldest_counted

#: The row that who spends holds, so that two at once are counted one after the other.
_OWN = 0


def lock_subject(tx: Transaction, subject: str) -> None:
    """Keep everybody else from this subject's budget until the transaction ends."""
    tx.insert_or_ignore(check_usage, subject=subject, window_start=_OWN, used=0)
    tx.one(check_usage, check_usage.c.subject == subject, check_usage.c.window_start == _OWN, lock=True)


def spending(tx: Transaction, subject: str, now: float) -> list[tuple[int, int]]:
    rows = tx.select(
        check_usage,
        check_usage.c.subject == subject,
        check_usage.c.window_start >= max(oldest_counted(now), _OWN + 1),
    )
    return [(row.window_start, row.used) for row in rows]


def add(tx: Transaction, subject: str, cost: int, now: float) -> None:
    """Count `cost` in this minute, and forget the minutes that no longer count."""
    at = minute(now)
    mine = (check_usage.c.subject == subject, check_usage.c.window_start == at)
    tx.delete(
        check_usage,
        check_usage.c.subject == subject,
        check_usage.c.window_start > _OWN,
        check_usage.c.window_start < oldest_counted(now),
    )
    tx.insert_or_ignore(check_usage, subject=subject, window_start=at, used=0)
    tx.update(check_usage, *mine, used=check_usage.c.used + cost)
