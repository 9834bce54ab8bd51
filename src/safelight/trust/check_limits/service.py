"""Counts checks against the hourly limits of keys, people and end users."""

from __future__ import annotations

from safelight.errors import CheckLimitExceeded
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal

from . import store
from .models import CheckBudget, CheckLimits, remaining_budget


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
            now = tx.now()
            subjects = self._subjects(principal, end_user)
            for subject, limit in subjects:
                store.lock_subject(tx, subject)
                self._require(tx, subject, limit, cost, now)
            for subject, _ in subjects:
                store.add_usage(tx, subject, cost, now)

    def require(self, principal: Principal, end_user: str | None = None) -> None:
        """Raise `CheckLimitExceeded` if principal or end user has reached the limit. Counts nothing."""
        with self._database.read_transaction(principal.tenant) as tx:
            self.require_within(tx, principal, end_user)

    def require_within(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """Same as `require`, but in the open transaction `tx`."""
        now = tx.now()
        for subject, limit in self._subjects(principal, end_user):
            self._require(tx, subject, limit, 1, now)

    def record_block(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """Count a check that has already run, for example that of a blocked request, in transaction `tx`."""
        for subject, _ in self._subjects(principal, end_user):
            store.lock_subject(tx, subject)
            store.add_usage(tx, subject, 1, tx.now())

    def get_budget(self, principal: Principal, end_user: str | None = None) -> CheckBudget:
        """The budget of the principal or of the end user: the one with fewer checks left."""
        with self._database.read_transaction(principal.tenant) as tx:
            now = tx.now()
            return min(
                (
                    remaining_budget(store.read_usage(tx, subject, now), now=now, limit=limit, cost=1)
                    for subject, limit in self._subjects(principal, end_user)
                ),
                key=lambda budget: budget.left,
            )

    def _require(self, tx: Transaction, subject: str, limit: int, cost: int, now: float) -> None:
        found = remaining_budget(store.read_usage(tx, subject, now), now=now, limit=limit, cost=cost)
        if found.used + cost > limit:
            whose = "This end user" if subject.startswith("end_user:") else "This account"
            raise CheckLimitExceeded(
                f"{whose} has reached the limit of {limit} checks and blocked requests per hour. "
                "Nothing was charged, and no strike was given.",
                retry_after_s=max(1.0, found.retry_after_s),
            )

    def _subjects(self, principal: Principal, end_user: str | None) -> list[tuple[str, int]]:
        # The principal comes first in every transaction, so that two transactions for the same pair cannot
        # deadlock.
        found = [(f"{principal.kind.value}:{principal.id}", self._limits.per_key)]
        if end_user:
            found.append((f"end_user:{end_user}", self._limits.per_end_user))
        return found
