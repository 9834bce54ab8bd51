"""Hourly limits of reports and appeals: of each reporter, and of each API key together with its end users."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from safelight.accounts.check_limits import CheckBudget, delete_unused, require_budget, spend
from safelight.accounts.reporter import Reporter
from safelight.store.database import Transaction

#: Reports that one network address may send without an account in an hour. A person who found several videos
#: has enough; a program that floods the queue has not.
MAX_VISITOR_REPORTS_PER_HOUR = 10
_SOURCE, _REPORTER = "reports-of:", "reports:"


class SentKind(StrEnum):
    """What one source may send in an hour. Each kind has a limit of its own: many reports of a platform's end
    users must not stop an appeal, or a notice with a time limit.
    """

    REPORT = "reports"
    #: A report in a lane that comes first, or about minors, intimate pictures, self-harm or extremism.
    FIRST = "urgent reports"
    APPEAL = "appeals"
    #: Others behind the same network must not keep a reporter from mending the address for the decision.
    CONTACT = "changes of an address"


#: Counted alone for each reporter too; the others share a count.
_ALONE = (SentKind.FIRST, SentKind.CONTACT)


@dataclass(frozen=True, kw_only=True)
class ReportLimits:
    """The most reports and appeals in an hour."""

    #: Of one end user, one person, or one API key for itself.
    per_reporter: int = 60
    #: Of one API key with those for its end users; reports, urgent reports and appeals each.
    per_key: int = 2000

    def require(self, tx: Transaction, reporter: Reporter, kind: SentKind) -> None:
        """Raise `RateLimited` if the reporter, or the key that it uses, has reached a limit."""
        require_budget(tx, self._subjects(reporter, kind), partial(_refusal, reporter, kind))

    def count(self, tx: Transaction, reporter: Reporter, kind: SentKind) -> None:
        """Count a report or appeal of this transaction; called last. Raises `RateLimited`."""
        spend(tx, self._subjects(reporter, kind), partial(_refusal, reporter, kind))

    def _subjects(self, reporter: Reporter, kind: SentKind) -> list[tuple[str, int]]:
        """What is counted, in the order in which it is locked: the source, then the reporter."""
        # Many ordinary reports of one source must not stop its urgent ones.
        own = _REPORTER + (f"{kind.name}:" if kind in _ALONE else "") + reporter.name
        if reporter.is_visitor:
            return [(own, MAX_VISITOR_REPORTS_PER_HOUR)]
        # A person does not speak for a platform, so other names do not give this person more reports.
        whole = self.per_key if reporter.is_key else self.per_reporter
        source = f"{_SOURCE}{kind.value}:{reporter.source}"
        return [(source, whole), (own, self.per_reporter)]


def forget_counts(tx: Transaction) -> None:
    """Delete the counts of those who sent nothing within an hour, in all tenants."""
    delete_unused(tx, (_SOURCE, _REPORTER))


def _refusal(reporter: Reporter, kind: SentKind, subject: str, budget: CheckBudget) -> str:
    return (
        f"{_whose(subject, reporter)} sent {budget.used} {_what(subject, kind)} within an hour, "
        "the maximum. These are all recorded."
    )


def _whose(subject: str, reporter: Reporter) -> str:
    if subject.startswith(_SOURCE) and reporter.is_key:
        return "This API key and its end users"
    return "You" if reporter.end_user is None else "This end user"


def _what(subject: str, kind: SentKind) -> str:
    is_own = kind in _ALONE or subject.startswith(_SOURCE)
    return kind.value if is_own else "reports and appeals"
