"""Hourly limits of reports and appeals: of each reporter, and of each API key together with its end users."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import RateLimited
from safelight.store.database import Transaction
from safelight.trust.accounts.reporter import Reporter
from safelight.trust.check_limits import add_usage, delete_unused, lock_subject, read_budget

#: Reports that one network address may send without an account in an hour. A person who found several videos
#: has enough; a program that floods the queue has not.
MAX_VISITOR_REPORTS_PER_HOUR = 10
_SOURCE, _REPORTER = "reports-of:", "reports:"


class SentKind(StrEnum):
    """What one source may send in an hour. Each kind has a limit of its own: many reports of a platform's end
    users must not stop an appeal, or a notice with a time limit.
    """

    REPORT = "reports"
    #: A report in a lane that comes first.
    FIRST = "urgent reports"
    APPEAL = "appeals"


@dataclass(frozen=True, kw_only=True)
class ReportLimits:
    """The most reports and appeals in an hour."""

    #: Of one end user, one person, or one API key for itself.
    per_reporter: int = 60
    #: Of one API key with those for its end users; reports, urgent reports and appeals each.
    per_key: int = 2000

    def require(self, tx: Transaction, reporter: Reporter, kind: SentKind) -> None:
        """Raise `RateLimited` if the reporter, or the key that it uses, has reached a limit."""
        for subject, limit in self._subjects(reporter, kind):
            budget = read_budget(tx, subject, limit)
            if budget.left < 1:
                raise RateLimited(
                    f"{_whose(subject, reporter)} sent {budget.used} {_what(subject, kind)} within an hour, "
                    "the maximum. All are recorded.",
                    retry_after_s=max(1.0, budget.retry_after_s),
                )

    def count(self, tx: Transaction, reporter: Reporter, kind: SentKind) -> None:
        """Count a report or appeal of this transaction. Raises `RateLimited`.

        It is called last, because it locks the counts of the key until the transaction ends.
        """
        subjects = self._subjects(reporter, kind)
        for subject, _limit in subjects:
            lock_subject(tx, subject)
        self.require(tx, reporter, kind)
        for subject, _limit in subjects:
            add_usage(tx, subject, 1, tx.now())

    def _subjects(self, reporter: Reporter, kind: SentKind) -> list[tuple[str, int]]:
        """What is counted, in the order in which it is locked: the source, then the reporter."""
        if reporter.is_visitor:
            return [(_REPORTER + reporter.name, MAX_VISITOR_REPORTS_PER_HOUR)]
        # A person does not speak for a platform, so other names do not give this person more reports.
        whole = self.per_key if reporter.is_key else self.per_reporter
        source = f"{_SOURCE}{kind.value}:{reporter.source}"
        return [(source, whole), (_REPORTER + reporter.name, self.per_reporter)]


def forget_counts(tx: Transaction) -> None:
    """Delete the counts of those who sent nothing within an hour, in all tenants."""
    delete_unused(tx, (_SOURCE, _REPORTER))


def _whose(subject: str, reporter: Reporter) -> str:
    if subject.startswith(_SOURCE) and reporter.is_key:
        return "This API key and its end users"
    return "You" if reporter.end_user is None else "This end user"


def _what(subject: str, kind: SentKind) -> str:
    return kind.value if subject.startswith(_SOURCE) else "reports and appeals"
