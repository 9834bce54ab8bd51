"""Limits per hour: prompt checks (against probing of the policy), reports, appeals, other requests."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, or_, select

from safelight.accounts import Principal
from safelight.core.errors import CheckLimitExceeded, RateLimited
from safelight.store.database import Database, Filter, Transaction
from safelight.store.tables import check_usage

#: Use is counted per minute. A minute's use expires an hour after that minute ended.
MINUTE_S = 60
WINDOW_S = 3600
#: Value of `window_start` in the row that a transaction locks, so that concurrent checks are counted one
#: after another.
_LOCK_ROW = 0
#: Subjects that one call of `delete_unused` deletes; the rest waits for the next call.
_MAX_DELETED = 5_000

# Check limits: how many checks, explanations and blocked requests are allowed per hour.


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """The maximum number of checks within an hour, per key and per end user."""

    per_key: int = 600
    per_end_user: int = 120


@dataclass(frozen=True, kw_only=True)
class CheckBudget:
    """The limit of one principal or end user, and how much of it is used.

    `retry_after_s` is 0 if the requested cost is within the limit.
    """

    limit: int
    used: int
    retry_after_s: float

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def start_of_minute(now: float) -> int:
    """The time at which the minute of `now` began."""
    return math.floor(now / MINUTE_S) * MINUTE_S


def oldest_counted_minute(now: float) -> int:
    """The start of the oldest minute that counts towards the hour before `now`."""
    return start_of_minute(now) - WINDOW_S


def remaining_budget(usage: Iterable[tuple[int, int]], *, now: float, limit: int, cost: int) -> CheckBudget:
    """The budget that remains after `usage`, and the wait until `cost` fits into it.

    `usage` has pairs of the start of a minute and the number of checks in it. No hour exceeds `limit`. A cost
    above the limit never fits; its wait is the longest possible.
    """
    counted = sorted(pair for pair in usage if pair[0] >= oldest_counted_minute(now))
    used = sum(amount for _, amount in counted)
    over = used + cost - limit
    wait = 0.0
    for start, amount in counted:
        if over <= 0:
            break
        over -= amount
        wait = start + WINDOW_S + MINUTE_S - now
    if over > 0:
        wait = float(WINDOW_S + MINUTE_S)
    return CheckBudget(limit=limit, used=used, retry_after_s=wait)


# Stores the number of checks per principal or end user and minute. All processes share these rows.


def lock_subject(tx: Transaction, subject: str) -> None:
    """Lock the counts of this principal or end user until the transaction ends."""
    tx.insert_or_ignore(check_usage, subject=subject, window_start=_LOCK_ROW, used=0)
    tx.one(check_usage, check_usage.c.subject == subject, check_usage.c.window_start == _LOCK_ROW, lock=True)


def read_budget(tx: Transaction, subject: str, limit: int, *, cost: int = 1) -> CheckBudget:
    """The budget of this subject: its use within the last hour, and the wait until `cost` fits into it."""
    now = tx.now()
    rows = tx.select(
        check_usage,
        check_usage.c.subject == subject,
        check_usage.c.window_start >= max(oldest_counted_minute(now), _LOCK_ROW + 1),
    )
    usage = [(row.window_start, row.used) for row in rows]
    return remaining_budget(usage, now=now, limit=limit, cost=cost)


def spend(
    tx: Transaction,
    subjects: Sequence[tuple[str, int]],
    refusal: Callable[[str, CheckBudget], str],
    *,
    cost: int = 1,
    error: type[RateLimited] = RateLimited,
) -> None:
    """Count `cost` for each of these subjects, each with its limit within an hour.

    Raises `error` with the text of `refusal` if a limit would be exceeded; then nothing is counted. The
    counts stay locked until the transaction ends, so this is called last.
    """
    for subject, _limit in subjects:
        lock_subject(tx, subject)
    require_budget(tx, subjects, refusal, cost=cost, error=error)
    for subject, _limit in subjects:
        add_usage(tx, subject, cost, tx.now())


def require_budget(
    tx: Transaction,
    subjects: Iterable[tuple[str, int]],
    refusal: Callable[[str, CheckBudget], str],
    *,
    cost: int = 1,
    error: type[RateLimited] = RateLimited,
) -> None:
    """Same as `spend`, but counts nothing."""
    for subject, limit in subjects:
        budget = read_budget(tx, subject, limit, cost=cost)
        if budget.left < cost:
            raise error(refusal(subject, budget), retry_after_s=max(1.0, budget.retry_after_s))


def require_hourly(tx: Transaction, table: Table, *where: Filter, limit: int, problem: str) -> None:
    """Raise `RateLimited` if this many rows of a table with these conditions were made within the hour."""
    if tx.count(table, *where, table.c.created_at > tx.now() - WINDOW_S) >= limit:
        raise RateLimited(problem, retry_after_s=float(WINDOW_S))


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


class CheckLimiter:
    """Limits the checks per hour of each key and person, and of each end user of a tenant.

    A caller who has reached a limit has to wait, without any further penalty.
    """

    def __init__(self, database: Database, limits: CheckLimits) -> None:
        self._database = database
        self._limits = limits

    def consume(self, principal: Principal, end_user: str | None = None, *, cost: int = 1) -> None:
        """Count `cost` checks for the principal and the end user.

        Raises `CheckLimitExceeded` if one of them would exceed its limit; then nothing is counted for either.
        """
        with self._database.transaction(principal.tenant) as tx:
            spend(tx, self._subjects(principal, end_user), _refusal, cost=cost, error=CheckLimitExceeded)

    def require(self, principal: Principal, end_user: str | None = None) -> None:
        """Raise `CheckLimitExceeded` if principal or end user has reached the limit. Counts nothing."""
        with self._database.read_transaction(principal.tenant) as tx:
            self.require_within(tx, principal, end_user)

    def require_within(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """Same as `require`, but in the open transaction `tx`."""
        require_budget(tx, self._subjects(principal, end_user), _refusal, error=CheckLimitExceeded)

    def record_block(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """Count a check that has already run, for example that of a blocked request, in transaction `tx`."""
        for subject, _ in self._subjects(principal, end_user):
            lock_subject(tx, subject)
            add_usage(tx, subject, 1, tx.now())

    def _subjects(self, principal: Principal, end_user: str | None) -> list[tuple[str, int]]:
        # The principal comes first in every transaction, so that two transactions for the same pair cannot
        # deadlock.
        found = [(f"{principal.kind.value}:{principal.id}", self._limits.per_key)]
        if end_user:
            found.append((f"end_user:{end_user}", self._limits.per_end_user))
        return found


def _refusal(subject: str, budget: CheckBudget) -> str:
    whose = "This end user" if subject.startswith("end_user:") else "This account"
    return (
        f"{whose} has reached the limit of {budget.limit} checks and blocked requests per hour. "
        "Nothing was charged, and no strike was given."
    )
