"""Spending probe budgets, and refusing who has none left."""

from __future__ import annotations

from safelight.errors import CheckLimitExceeded
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal

from . import store
from .models import Budget, CheckLimits, remaining


class CheckLimiter:
    """Budgets of keys and people, and of end users within their tenant, in any hour.

    Spending never costs money or standing; it only ends for a while.
    """

    def __init__(self, database: Database, allowance: CheckLimits) -> None:
        self._database = database
        self._allowance = allowance

    def consume(self, principal: Principal, end_user: str | None = None, *, cost: int = 1) -> None:
        """Take `cost` from the budgets of both, or from neither. Raises `ProbeBudgetSpent`."""
        with self._database.transaction(principal.tenant) as tx:
            now = tx.now()
            subjects = self._subjects(principal, end_user)
            for subject, limit in subjects:
                store.lock_subject(tx, subject)
                self._require(tx, subject, limit, cost, now)
            for subject, _ in subjects:
                store.add(tx, subject, cost, now)

    def require(self, principal: Principal, end_user: str | None = None) -> None:
        """Raise `ProbeBudgetSpent` where either has nothing left; spend nothing."""
        with self._database.read_transaction(principal.tenant) as tx:
            self.require_within(tx, principal, end_user)

    def require_within(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """As `require`, in a transaction that is open already."""
        now = tx.now()
        for subject, limit in self._subjects(principal, end_user):
            self._require(tx, subject, limit, 1, now)

    def record_block(self, tx: Transaction, principal: Principal, end_user: str | None = None) -> None:
        """Count one probe that was made already, such as a blocked create, within its own transaction."""
        for subject, _ in self._subjects(principal, end_user):
            store.lock_subject(tx, subject)
            store.add(tx, subject, 1, tx.now())

    def budget(self, principal: Principal, end_user: str | None = None) -> Budget:
        """What is left: of the two, the one with less."""
        with self._database.read_transaction(principal.tenant) as tx:
            now = tx.now()
            return min(
                (
                    remaining(store.spending(tx, subject, now), now=now, limit=limit, cost=1)
                    for subject, limit in self._subjects(principal, end_user)
                ),
                key=lambda budget: budget.left,
            )

    def _require(self, tx: Transaction, subject: str, limit: int, cost: int, now: float) -> None:
        found = remaining(store.spending(tx, subject, now), now=now, limit=limit, cost=cost)
        if found.used + cost > limit:
            whose = "This end user" if subject.startswith("end_user:") else "This account"
            raise CheckLimitExceeded(
                f"{whose} has used its {limit} checks and blocked requests for this hour. "
                "Nothing was charged, and no strike was given.",
                retry_after_s=max(1.0, found.retry_after_s),
            )

    def _subjects(self, principal: Principal, end_user: str | None) -> list[tuple[str, int]]:
        # Always in this order: two that spend for the same pair never wait for each other.
        found = [(f"{principal.kind.value}:{principal.id}", self._allowance.per_key)]
        if end_user:
            found.append((f"end_user:{end_user}", self._allowance.per_end_user))
        return found
