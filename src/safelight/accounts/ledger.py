"""The ledger: what end users are charged, and what generators charged, in entries that are never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import NotFound
from safelight.core.ids import is_id, new_id
from safelight.store.database import Database, Transaction
from safelight.store.pages import Page, read_page
from safelight.store.tables import ledger_entries, videos

# Entries of the ledger, prices and sums. Amounts are integers in millionths of a currency.

#: Millionths in one unit of a currency.
MICROS = 1_000_000


class EntryKind(StrEnum):
    #: What the end user, or the account without one, is charged for a video.
    CHARGE = "charge"
    #: A charge that is given back. Its amount is negative.
    CREDIT = "credit"
    #: What the generator charged us for one attempt. It is never added to the charges.
    COST = "cost"


class Reason(StrEnum):
    """The event of an entry."""

    ACCEPTED = "accepted"
    #: The request was rejected, or the video blocked, by the policy, a reviewer or the provider.
    BLOCKED = "blocked"
    REVIEW_EXPIRED = "review_expired"
    FAILED = "failed"
    #: An appeal was won: the released video costs nothing.
    APPEAL_WON = "appeal_won"
    #: A kept clip was released or scanned again: the new video costs nothing.
    KEPT_CLIP = "kept_clip"
    #: The generator charged for an attempt.
    ATTEMPT = "attempt"
    #: The generator charged for a call of a canary. No account is charged for it.
    CANARY = "canary"


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What an end user is charged for one second of video."""

    currency: str = "USD"
    micros_per_second: int = 0
    #: By the name of a model, instead of `micros_per_second`.
    by_model: Mapping[str, int] = field(default_factory=dict)

    def price_of(self, model: str, seconds: int) -> int:
        return seconds * self.by_model.get(model, self.micros_per_second)


@dataclass(frozen=True, kw_only=True)
class Work:
    """The video that an entry is about, and who requested it."""

    #: Empty for a call of a canary.
    video_id: str
    account: str
    end_user: str | None
    #: The attempt of a cost.
    attempt_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    id: str
    at: float
    kind: EntryKind
    reason: Reason
    #: None: the generator did not say what it charged.
    amount_micros: int | None
    currency: str
    work: Work


#: What the end user or account pays. Costs of the generator are for the operator only.
PAID_BY_REQUESTER = (EntryKind.CHARGE, EntryKind.CREDIT)


@dataclass(frozen=True, kw_only=True)
class LedgerFilter:
    """Which entries to list or sum. None: not restricted."""

    account: str | None = None
    end_user: str | None = None
    video_id: str | None = None
    #: Empty: all kinds.
    kinds: tuple[EntryKind, ...] = ()
    #: In unix seconds; `until` is not included.
    since: float = 0.0
    until: float | None = None


class SumBy(StrEnum):
    """What sums are grouped by."""

    TENANT = "tenant"
    ACCOUNT = "account"
    END_USER = "end_user"


@dataclass(frozen=True, kw_only=True)
class LedgerSum:
    """The sums of one group in one currency. Amounts of different currencies are never added."""

    #: The id of the tenant, key, person or end user; empty for requests without an end user.
    group: str
    currency: str
    charged_micros: int = 0
    #: Credits as a positive amount.
    credited_micros: int = 0
    cost_micros: int = 0
    #: Attempts of which the generator did not say what it charged.
    unknown_costs: int = 0

    @property
    def due_micros(self) -> int:
        """What remains to be paid."""
        return self.charged_micros - self.credited_micros


def to_micros(amount: float | Decimal) -> int:
    """An amount in millionths, rounded to the nearest one."""
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return int((exact * MICROS).to_integral_value(rounding=ROUND_HALF_EVEN))


# Ledger entries and sums as plain values, for the API and the command line.

#: The fields of an entry, in their order.
ENTRY_COLUMNS = (
    *("id", "at", "kind", "reason", "amount_micros", "currency", "video_id", "attempt_id", "account"),
    "safety_identifier",
)


def entry_object(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "kind": entry.kind.value,
        "reason": entry.reason.value,
        "amount_micros": entry.amount_micros,
        "currency": entry.currency,
        "video_id": entry.work.video_id,
        "attempt_id": entry.work.attempt_id,
        "account": entry.work.account,
        "safety_identifier": entry.work.end_user,
    }


def sum_object(one: LedgerSum) -> dict[str, Any]:
    return {
        "group": one.group,
        "currency": one.currency,
        "charged_micros": one.charged_micros,
        "credited_micros": one.credited_micros,
        "due_micros": one.due_micros,
        "cost_micros": one.cost_micros,
        "unknown_costs": one.unknown_costs,
    }


# Adds entries in the transaction of their event, and reads them.

#: The account of calls that no client asked for.
CANARY_ACCOUNT = "canaries"


def charge(tx: Transaction, prices: Prices, work: Work, *, model: str, seconds: int) -> int:
    """Charge an accepted video, once. Returns its price in micro-units; a price of 0 makes no entry."""
    price = prices.price_of(model, seconds)
    if price:
        _add(tx, work, EntryKind.CHARGE, Reason.ACCEPTED, price, prices.currency)
    return price


def credit(tx: Transaction, video_id: str, reason: Reason) -> int:
    """Give back what is still charged for a video. Returns the amount in micro-units, 0 if there is none.

    The caller has locked the video, so that no other transaction credits it at the same time.
    """
    of = ledger_entries.c
    rows = tx.select(
        ledger_entries,
        of.video_id == video_id,
        of.kind.in_([EntryKind.CHARGE.value, EntryKind.CREDIT.value]),
    )
    left = sum(int(row.amount_micros) for row in rows)
    if left <= 0:
        return 0
    _add(tx, _work(rows[0]), EntryKind.CREDIT, reason, -left, rows[0].currency)
    return left


def charged_micros(tx: Transaction, video_id: str) -> int:
    """What was charged for a video, without its credits."""
    of = ledger_entries.c
    rows = tx.select(ledger_entries, of.video_id == video_id, of.kind == EntryKind.CHARGE.value)
    return sum(int(row.amount_micros) for row in rows)


def record_cost(
    tx: Transaction, video_id: str, attempt_id: str, amount_micros: int | None, currency: str
) -> None:
    """Record what the generator charged for an attempt, once. `None`: it charged an unknown amount."""
    row = tx.one(videos, videos.c.id == video_id)
    if row is not None:
        work = Work(video_id=video_id, account=row.principal_id, end_user=row.end_user, attempt_id=attempt_id)
        _add(tx, work, EntryKind.COST, Reason.ATTEMPT, amount_micros, currency)


def record_canary_cost(tx: Transaction, attempt_id: str, amount_micros: int | None, currency: str) -> None:
    """Record what the generator charged for a call of a canary, once. `None`: an unknown amount."""
    work = Work(video_id="", account=CANARY_ACCOUNT, end_user=None, attempt_id=attempt_id)
    _add(tx, work, EntryKind.COST, Reason.CANARY, amount_micros, currency)


def _add(
    tx: Transaction,
    work: Work,
    kind: EntryKind,
    reason: Reason,
    amount: int | None,
    currency: str,
) -> None:
    identity = new_id("ledger")
    added = tx.insert_or_ignore(
        ledger_entries,
        id=identity,
        at=tx.now(),
        kind=kind.value,
        reason=reason.value,
        amount_micros=amount,
        currency=currency,
        video_id=work.video_id,
        attempt_id=work.attempt_id,
        account=work.account,
        end_user=work.end_user,
        event_key=f"{kind.value}:{work.attempt_id or work.video_id}",
    )
    if added:
        tx.number_at_commit(ledger_entries, identity)


def _work(row: Row[Any]) -> Work:
    return Work(video_id=row.video_id, account=row.account, end_user=row.end_user, attempt_id=row.attempt_id)


def entry_from_row(row: Row[Any]) -> LedgerEntry:
    return LedgerEntry(
        id=row.id,
        at=row.at,
        kind=EntryKind(row.kind),
        reason=Reason(row.reason),
        amount_micros=row.amount_micros,
        currency=row.currency,
        work=_work(row),
    )


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
    ) -> Page[LedgerEntry]:
        """A page of entries in the order of their commits, and whether there are more.

        `after`: the last id of the page before. No entry that is committed later comes before it.
        """
        principal.require(KeyScope.ADMIN)
        return self._page(principal, wanted, after=after, limit=limit, newest_first=newest_first)

    def list_own(
        self, principal: Principal, end_user: str | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[LedgerEntry]:
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
    ) -> Page[LedgerEntry]:
        of, limit = ledger_entries.c, max(1, min(limit, _MAX_PAGE_ENTRIES))
        where = _conditions(wanted)
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                start = tx.one(ledger_entries, of.id == after, *where) if is_id(after, "ledger") else None
                if start is None:
                    raise NotFound(f"There is no ledger entry {after[:80]!r}.", param="after")
                where.append(of.seq < start.seq if newest_first else of.seq > start.seq)
            order = of.seq.desc() if newest_first else of.seq
            return read_page(tx, ledger_entries, *where, order_by=(order,), limit=limit).map(entry_from_row)


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
