"""Hourly limits of reports and appeals: of each reporter, and of each API key together with its end users."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from safelight.errors import RateLimited
from safelight.store.tables import check_usage
from safelight.store.transaction import Transaction
from safelight.trust.accounts.reporter import Reporter
from safelight.trust.check_limits.models import oldest_counted_minute, remaining_budget
from safelight.trust.check_limits.store import add_usage, lock_subject, read_usage

#: Reports that one network address may send without an account in an hour. A person who found several videos
#: has enough; a program that floods the queue has not.
MAX_VISITOR_REPORTS_PER_HOUR = 10
_SOURCE, _REPORTER = "reports-of:", "reports:"


@dataclass(frozen=True, kw_only=True)
class ReportLimits:
    """The most reports and appeals in an hour."""

    #: Of one end user, one person, or one API key for itself.
    per_reporter: int = 60
    #: Of one API key with those for its end users.
    per_key: int = 2000

    def require(self, tx: Transaction, reporter: Reporter) -> None:
        """Raise `RateLimited` if the reporter, or the key that it uses, has reached a limit."""
        for subject, limit in self._subjects(reporter):
            budget = remaining_budget(read_usage(tx, subject, tx.now()), now=tx.now(), limit=limit, cost=1)
            if budget.left < 1:
                raise RateLimited(
                    f"{_whose(subject, reporter)} sent {budget.used} reports and appeals within an hour, the "
                    "maximum. All are recorded.",
                    retry_after_s=max(1.0, budget.retry_after_s),
                )

    def count(self, tx: Transaction, reporter: Reporter) -> None:
        """Count a report or appeal of this transaction. Raises `RateLimited`.

        It is called last, because it locks the counts of the key until the transaction ends.
        """
        subjects = self._subjects(reporter)
        for subject, _limit in subjects:
            lock_subject(tx, subject)
        self.require(tx, reporter)
        for subject, _limit in subjects:
            add_usage(tx, subject, 1, tx.now())

    def _subjects(self, reporter: Reporter) -> list[tuple[str, int]]:
        """What is counted, in the order in which it is locked: the source, then the reporter."""
        if reporter.is_visitor:
            return [(_REPORTER + reporter.name, MAX_VISITOR_REPORTS_PER_HOUR)]
        # A person does not speak for a platform, so other names do not give this person more reports.
        whole = self.per_key if reporter.is_key else self.per_reporter
        return [(_SOURCE + reporter.source, whole), (_REPORTER + reporter.name, self.per_reporter)]


def forget_visitors(tx: Transaction) -> None:
    """Delete the counts of network addresses that sent nothing within an hour, in all tenants."""
    of = check_usage.c
    recent = select(of.subject).where(of.window_start >= oldest_counted_minute(tx.now()))
    visitors = of.subject.startswith(_REPORTER + Reporter.of_visitor("").name, autoescape=True)
    tx.delete(check_usage, visitors, of.subject.not_in(recent))


def _whose(subject: str, reporter: Reporter) -> str:
    if subject.startswith(_SOURCE) and reporter.is_key:
        return "This API key and its end users"
    return "You" if reporter.end_user is None else "This end user"
