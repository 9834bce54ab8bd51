"""Lists and sums the entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, case, func, select

from safelight.errors import NotFound
from safelight.ids import is_id
from safelight.store.database import Database
from safelight.store.tables import ledger_entries
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal

from .models import PAID_BY_REQUESTER, EntryKind, LedgerEntry, LedgerFilter, LedgerSum, SumBy
from .store import entry_from_row

_MAX_PAGE_ENTRIES = 1000
_EVERYTHING = LedgerFilter()
_GROUPS: Mapping[SumBy, ColumnElement[str]] = {
    SumBy.TENANT: ledger_entries.c.tenant_id,
    SumBy.ACCOUNT: ledger_entries.c.account,
    SumBy.END_USER: func.coalesce(ledger_entries.c.end_user, ""),
}


class Ledger:
    """The ledger of all tenants. `principal` needs the scope `admin`, except for its own charges."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        principal: Principal,
        wanted: LedgerFilter = _EVERYTHING,
        *,
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> tuple[tuple[LedgerEntry, ...], bool]:
        """A page of entries in the order of their commits, and whether there are more.

        `after`: the last id of the page before. No entry that is committed later comes before it.
        """
        principal.require(KeyScope.ADMIN)
        return self._page(principal, wanted, after=after, limit=limit, newest_first=newest_first)

    def list_own(
        self, principal: Principal, end_user: str | None = None, *, after: str | None = None, limit: int = 100
    ) -> tuple[tuple[LedgerEntry, ...], bool]:
        """A page of what the caller, or an end user of the tenant, was charged and got back, newest first."""
        wanted = _own(principal, end_user)
        return self._page(principal, wanted, after=after, limit=limit, newest_first=True)

    def read_all(self, principal: Principal, wanted: LedgerFilter = _EVERYTHING) -> Iterator[LedgerEntry]:
        """Every entry, oldest first."""
        after, more = None, True
        while more:
            entries, more = self.list(principal, wanted, after=after, limit=_MAX_PAGE_ENTRIES)
            yield from entries
            after = entries[-1].id if entries else None

    def sums(
        self, principal: Principal, by: SumBy, wanted: LedgerFilter = _EVERYTHING
    ) -> tuple[LedgerSum, ...]:
        """The sums of each group and currency."""
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            return _add_up(tx, by, wanted)

    def sums_own(self, principal: Principal, end_user: str | None = None) -> tuple[LedgerSum, ...]:
        """What the caller, or an end user of the tenant, was charged and got back, in each currency."""
        wanted = _own(principal, end_user)
        with self._database.read_transaction(principal.tenant) as tx:
            return _add_up(tx, SumBy.TENANT, wanted)

    def _page(
        self,
        principal: Principal,
        wanted: LedgerFilter,
        *,
        after: str | None,
        limit: int,
        newest_first: bool,
    ) -> tuple[tuple[LedgerEntry, ...], bool]:
        of, limit = ledger_entries.c, max(1, min(limit, _MAX_PAGE_ENTRIES))
        where = _conditions(wanted)
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                start = tx.one(ledger_entries, of.id == after, *where) if is_id(after, "ledger") else None
                if start is None:
                    raise NotFound(f"There is no ledger entry {after[:80]!r}.", param="after")
                where.append(of.seq < start.seq if newest_first else of.seq > start.seq)
            order = of.seq.desc() if newest_first else of.seq
            rows = tx.select(ledger_entries, *where, order_by=(order,), limit=limit + 1)
        return tuple(entry_from_row(row) for row in rows[:limit]), len(rows) > limit


def _own(principal: Principal, end_user: str | None) -> LedgerFilter:
    principal.require(KeyScope.VIDEOS_READ)
    if end_user:
        return LedgerFilter(end_user=end_user, kinds=PAID_BY_REQUESTER)
    return LedgerFilter(account=principal.id, kinds=PAID_BY_REQUESTER)


def _conditions(wanted: LedgerFilter) -> list[ColumnElement[bool]]:
    of = ledger_entries.c
    found = [of.at >= wanted.since]
    for column, value in (
        (of.account, wanted.account),
        (of.end_user, wanted.end_user),
        (of.video_id, wanted.video_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.kinds:
        found.append(of.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.until is not None:
        found.append(of.at < wanted.until)
    return found


def _add_up(tx: Transaction, by: SumBy, wanted: LedgerFilter) -> tuple[LedgerSum, ...]:
    of, group = ledger_entries.c, _GROUPS[by]
    statement = (
        select(
            group.label("grouped"),
            of.currency,
            _sum(EntryKind.CHARGE).label("charged"),
            _sum(EntryKind.CREDIT).label("credited"),
            _sum(EntryKind.COST).label("cost"),
            func.sum(case((of.amount_micros.is_(None), 1), else_=0)).label("unknown"),
        )
        .where(*tx.tenant_condition(ledger_entries), *_conditions(wanted))
        .group_by(group, of.currency)
        .order_by(group, of.currency)
    )
    return tuple(
        LedgerSum(
            group=row.grouped,
            currency=row.currency,
            charged_micros=int(row.charged),
            credited_micros=-int(row.credited),
            cost_micros=int(row.cost),
            unknown_costs=int(row.unknown),
        )
        for row in tx.execute(statement)
    )


def _sum(kind: EntryKind) -> ColumnElement[int]:
    of = ledger_entries.c
    return func.coalesce(func.sum(case((of.kind == kind.value, of.amount_micros), else_=0)), 0)
