"""Lists and sums the entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, case, func, select, tuple_

from safelight.errors import NotFound
from safelight.ids import is_id
from safelight.store.database import Database
from safelight.store.tables import ledger_entries
from safelight.trust.accounts import KeyScope, Principal

from .models import EntryKind, LedgerEntry, LedgerSum, SumBy
from .store import entry_from_row

_MAX_PAGE_ENTRIES = 1000
_GROUPS: Mapping[SumBy, ColumnElement[str]] = {
    SumBy.TENANT: ledger_entries.c.tenant_id,
    SumBy.ACCOUNT: ledger_entries.c.account,
    SumBy.END_USER: func.coalesce(ledger_entries.c.end_user, ""),
}


class Ledger:
    """The ledger of all tenants. `principal` needs the scope `admin`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[tuple[LedgerEntry, ...], bool]:
        """A page of entries, oldest first, and whether there are more. `after`: the last id of the page
        before.
        """
        principal.require(KeyScope.ADMIN)
        of, limit = ledger_entries.c, max(1, min(limit, _MAX_PAGE_ENTRIES))
        with self._database.read_transaction(principal.tenant) as tx:
            where = []
            if after is not None:
                start = tx.one(ledger_entries, of.id == after) if is_id(after, "ledger") else None
                if start is None:
                    raise NotFound(f"There is no ledger entry {after[:80]!r}.", param="after")
                where.append(tuple_(of.at, of.id) > (start.at, start.id))
            rows = tx.select(ledger_entries, *where, order_by=(of.at, of.id), limit=limit + 1)
        return tuple(entry_from_row(row) for row in rows[:limit]), len(rows) > limit

    def read_all(self, principal: Principal) -> Iterator[LedgerEntry]:
        """Every entry, oldest first."""
        after, more = None, True
        while more:
            entries, more = self.list(principal, after=after, limit=_MAX_PAGE_ENTRIES)
            yield from entries
            after = entries[-1].id if entries else None

    def sums(
        self, principal: Principal, by: SumBy, *, since: float = 0.0, until: float | None = None
    ) -> tuple[LedgerSum, ...]:
        """The sums of each group and currency, from `since` to before `until`, in unix seconds."""
        principal.require(KeyScope.ADMIN)
        of, group = ledger_entries.c, _GROUPS[by]
        with self._database.read_transaction(principal.tenant) as tx:
            statement = (
                select(
                    group.label("grouped"),
                    of.currency,
                    _sum(EntryKind.CHARGE).label("charged"),
                    _sum(EntryKind.CREDIT).label("credited"),
                    _sum(EntryKind.COST).label("cost"),
                    func.sum(case((of.amount_micros.is_(None), 1), else_=0)).label("unknown"),
                )
                .where(*tx.tenant_condition(ledger_entries), of.at >= since)
                .group_by(group, of.currency)
                .order_by(group, of.currency)
            )
            if until is not None:
                statement = statement.where(of.at < until)
            rows = tx.execute(statement).all()
        return tuple(
            LedgerSum(
                group=row.grouped,
                currency=row.currency,
                charged_micros=int(row.charged),
                credited_micros=-int(row.credited),
                cost_micros=int(row.cost),
                unknown_costs=int(row.unknown),
            )
            for row in rows
        )


def _sum(kind: EntryKind) -> ColumnElement[int]:
    of = ledger_entries.c
    return func.coalesce(func.sum(case((of.kind == kind.value, of.amount_micros), else_=0)), 0)
