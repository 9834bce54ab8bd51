"""Lists what happened to cases, in the order of the audit log."""

from __future__ import annotations

from dataclasses import replace

from safelight.errors import Forbidden
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import Case

from .history import follow
from .models import CaseEvent, ReportText
from .store import read_entries, read_histories, read_texts

MAX_PAGE_EVENTS = 1000
_MIN_ROWS = 100
#: Each of these scopes gives access to the events. Only `review` and `vault` show the words of reporters.
CASE_EVENT_SCOPES = (KeyScope.REVIEW, KeyScope.VAULT, KeyScope.AUDIT)


class CaseEvents:
    """The events of the cases of one installation.

    A principal gets those of the cases that it may see: the scope `review`, and `vault` for quarantined ones.
    With the scope `audit` it gets those that are not quarantined, without the words of reports and appeals.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal, *, after: int = 0, limit: int = 100) -> tuple[CaseEvent, ...]:
        """The events after the number `after`, oldest first.

        Numbers are given in the order of the commits, so a reader who goes on after the last one misses no
        event. Fewer than `limit` events are the end for now. Raises `Forbidden`.
        """
        if not principal.scopes.intersection(CASE_EVENT_SCOPES):
            raise Forbidden(
                f"This {principal.kind.value} needs one of the scopes {', '.join(CASE_EVENT_SCOPES)}.",
                remedy="Ask the operator of this gateway for a key with one of these scopes.",
            )
        limit = max(1, min(limit, MAX_PAGE_EVENTS))
        found: list[CaseEvent] = []
        with self._database.read_transaction(principal.tenant) as tx:
            while len(found) < limit:
                rows = read_entries(tx, after=after, limit=max(limit - len(found), _MIN_ROWS))
                if not rows:
                    break
                numbers = {row.seq for row in rows}
                found += [
                    event
                    for event in follow(read_histories(tx, rows))
                    if event.entry.seq in numbers and _may_see(principal, event.entry.case)
                ]
                after = rows[-1].seq
            return _with_texts(tx, found[:limit], principal)


def _may_see(principal: Principal, case: Case) -> bool:
    return _may_decide(principal, case) or (not case.quarantined and principal.has_scope(KeyScope.AUDIT))


def _may_decide(principal: Principal, case: Case) -> bool:
    return principal.has_scope(KeyScope.VAULT if case.quarantined else KeyScope.REVIEW)


def _with_texts(tx: Transaction, events: list[CaseEvent], principal: Principal) -> tuple[CaseEvent, ...]:
    texts = read_texts(tx, (event.entry for event in events))

    def shown(event: CaseEvent) -> ReportText | None:
        text = texts.get(event.entry.seq)
        if text is None or _may_decide(principal, event.entry.case):
            return text
        return replace(text, text="")

    return tuple(replace(event, report=shown(event)) for event in events)
