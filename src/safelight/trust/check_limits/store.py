"""Stores the number of checks per principal or end user and minute. All processes share these rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import or_, select

from safelight.store.tables import check_usage
from safelight.store.transaction import Transaction

from .models import oldest_counted_minute, start_of_minute

#: Value of `window_start` in the row that a transaction locks, so that concurrent checks are counted one
#: after another.
_LOCK_ROW = 0
#: Subjects that one call of `delete_unused` deletes; the rest waits for the next call.
_MAX_DELETED = 5_000


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


def delete_unused(tx: Transaction, beginnings: Iterable[str]) -> None:
    """Delete the counts of all subjects with one of these beginnings that have none within the hour, in all
    tenants.

    Subjects that another transaction has locked are left out, because to wait for them can deadlock.
    """
    of = check_usage.c
    recent = select(of.subject).where(of.window_start >= oldest_counted_minute(tx.now()))
    unused = tx.select(
        check_usage,
        or_(*(of.subject.startswith(beginning, autoescape=True) for beginning in beginnings)),
        of.window_start == _LOCK_ROW,
        of.subject.not_in(recent),
        limit=_MAX_DELETED,
        lock=True,
        skip_locked=True,
    )
    by_tenant: dict[str, list[str]] = defaultdict(list)
    for row in unused:
        by_tenant[row.tenant_id].append(row.subject)
    for tenant, subjects in by_tenant.items():
        # The second condition: something was counted after the first query began.
        tx.of_tenant(tenant).delete(check_usage, of.subject.in_(subjects), of.subject.not_in(recent))
