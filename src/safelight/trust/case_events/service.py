"""Lists what happened to cases, in the order of the audit log."""

from __future__ import annotations

from dataclasses import replace

from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import Case
from safelight.trust.reviews.service import visible_to

from .history import follow
from .models import CaseEvent
from .store import read_entries, read_histories, read_texts

MAX_PAGE_EVENTS = 1000
_MIN_ROWS = 100


class CaseEvents:
    """The events of the cases of one installation.

    A principal gets those of the cases that it may see: the scope `review`, and `vault` for quarantined ones.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal, *, after: int = 0, limit: int = 100) -> tuple[CaseEvent, ...]:
        """The events after the number `after`, oldest first.

        Numbers are given in the order of the commits, so a reader who goes on after the last one misses no
        event. Fewer than `limit` events are the end for now. Raises `Forbidden`.
        """
        visible_to(principal)
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
            return _with_texts(tx, found[:limit])


def _may_see(principal: Principal, case: Case) -> bool:
    return principal.has_scope(KeyScope.VAULT if case.quarantined else KeyScope.REVIEW)


def _with_texts(tx: Transaction, events: list[CaseEvent]) -> tuple[CaseEvent, ...]:
    texts = read_texts(tx, (event.entry for event in events))
    return tuple(replace(event, report=texts.get(event.entry.seq)) for event in events)
