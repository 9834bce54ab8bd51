"""Adds entries in the transaction of their event, and reads them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.ids import new_id
from safelight.store.tables import ledger_entries, videos
from safelight.store.transaction import Transaction

from .models import EntryKind, LedgerEntry, Prices, Reason, Work

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
