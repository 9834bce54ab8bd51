"""Spending by subject and minute, in the database: the same for every process."""

from __future__ import annotations

from safelight.store.tables import probes
from safelight.store.transaction import Transaction

from .models import minute, oldest_counted

#: The row that who spends holds, so that two at once are counted one after the other.
_OWN = 0


def lock_subject(tx: Transaction, subject: str) -> None:
    """Keep everybody else from this subject's budget until the transaction ends."""
    tx.insert_or_ignore(probes, subject=subject, window_start=_OWN, spent=0)
    tx.one(probes, probes.c.subject == subject, probes.c.window_start == _OWN, lock=True)


def spending(tx: Transaction, subject: str, now: float) -> list[tuple[int, int]]:
    rows = tx.select(
        probes,
        probes.c.subject == subject,
        probes.c.window_start >= max(oldest_counted(now), _OWN + 1),
    )
    return [(row.window_start, row.spent) for row in rows]


def add(tx: Transaction, subject: str, cost: int, now: float) -> None:
    """Count `cost` in this minute, and forget the minutes that no longer count."""
    at = minute(now)
    mine = (probes.c.subject == subject, probes.c.window_start == at)
    tx.delete(
        probes,
        probes.c.subject == subject,
        probes.c.window_start > _OWN,
        probes.c.window_start < oldest_counted(now),
    )
    tx.insert_or_ignore(probes, subject=subject, window_start=at, spent=0)
    tx.update(probes, *mine, spent=probes.c.spent + cost)
