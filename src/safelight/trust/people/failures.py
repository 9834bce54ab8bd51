"""Limits the failed sign-ins of one subject: a person, or an e-mail address that may be unknown."""

from __future__ import annotations

from safelight.errors import RateLimited
from safelight.ids import new_id
from safelight.store.database import Database
from safelight.store.tables import sign_in_failures

#: After this number of failures for one subject, sign-in with it has to wait. A code of six digits, of which
#: three are valid at a time, is then guessed in 15 minutes with a probability of 3 in 100,000.
MAX_FAILURES = 10
FAILURE_WINDOW_S = 15 * 60.0


class SignInFailures:
    """The failures of the last minutes, in the database, for all processes together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, subject: str) -> str:
        """Count an attempt as a failure before its outcome is known. Returns its id.

        Otherwise, attempts at the same time would all pass before the first one is counted. Raises
        `RateLimited` after too many failures.
        """
        attempt = new_id("event")
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, sign_in_failures.c.at < tx.now() - FAILURE_WINDOW_S)
            tx.insert(sign_in_failures, id=attempt, subject=subject, at=tx.now())
        # In a transaction of its own: each of several attempts at the same time then sees all the others.
        with self._database.across_tenants("failed sign-ins", readonly=True) as tx:
            now = tx.now()
            others = tx.select(
                sign_in_failures,
                sign_in_failures.c.subject == subject,
                sign_in_failures.c.id != attempt,
                sign_in_failures.c.at > now - FAILURE_WINDOW_S,
                order_by=(sign_in_failures.c.at.desc(),),
                limit=MAX_FAILURES,
            )
        if len(others) >= MAX_FAILURES:
            self.discard(attempt)
            raise RateLimited(
                "Too many failed sign-ins for this address.",
                retry_after_s=max(1.0, others[-1].at + FAILURE_WINDOW_S - now),
            )
        return attempt

    def discard(self, attempt: str) -> None:
        """Do not count an attempt that had no outcome, or that succeeded."""
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, sign_in_failures.c.id == attempt)

    def confirm(self, attempt: str, person: str | None) -> None:
        """The attempt failed. For a person it is recorded in the audit log.

        An unknown address is not: any client could fill the log, and people type passwords into that field.
        """
        with self._database.across_tenants("failed sign-ins") as tx:
            # Also for unknown people, so that both answers take one written transaction.
            tx.update(sign_in_failures, sign_in_failures.c.id == attempt, at=tx.now())
            if person is not None:
                tx.append_audit("sign_in.failed", subject=person, actor="unknown", content={}, tenant=None)

    def forget(self, subject: str) -> None:
        """Forget all failures after a success."""
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, sign_in_failures.c.subject == subject)
