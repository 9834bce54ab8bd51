"""Reserves the highest price of the next submission of a batch. The caller has locked the batch."""

from __future__ import annotations

from dataclasses import replace

from safelight.ids import new_id
from safelight.store.transaction import Transaction
from safelight_client.batch.journal import JournalEntry

from . import store
from .models import Batch, Row, RowState
from .submissions import phases_left
from .transitions import stop


def reserve_next(tx: Transaction, batch: Batch) -> Row | None:
    """The next row, with the creates that are reserved for it. None if none may be sent now.

    Stops the batch if nothing fits under its ceiling and nothing is under way.
    """
    # First those that have begun, because a draft was paid; last those that failed before at no cost.
    begun = next(store.ready_rows(tx, batch.id, reserved=True), None)
    if begun is not None:
        return begun
    money = store.ceiling(tx, batch)
    misfits, failed_before = 0, None
    for row in store.ready_rows(tx, batch.id, reserved=False):
        if row.entries and failed_before is not None:
            continue
        needed = _needed(row)
        if not money.fits(*needed):
            misfits += 1
        elif row.entries:
            failed_before = row
        else:
            return _with_reservation(row, needed)
    if failed_before is not None:
        return _with_reservation(failed_before, _needed(failed_before))
    states = store.totals(tx, batch.id).states
    # A row that waits for a retry is pending too, and has its reservation.
    if misfits and misfits == states[RowState.PENDING.value] and not states.get(RowState.OPEN.value):
        rows = "row" if misfits == 1 else "rows"
        stop(tx, batch, f"The ceiling does not allow {misfits} more {rows}.")
    return None


def _needed(row: Row) -> list[int | None]:
    assert row.plan is not None
    return [row.plan.worst_of(phase) for phase in phases_left(row)]


def _with_reservation(row: Row, needed: list[int | None]) -> Row:
    return replace(row, held_amount=sum(each or 0 for each in needed), held_creates=len(needed))


def begin_submission(tx: Transaction, batch: Batch, row: Row) -> JournalEntry:
    """Store the next submission of a row for which `reserve_next` has reserved it."""
    assert row.plan is not None
    phase = phases_left(row)[0]
    worst = row.plan.worst_of(phase)
    entry = JournalEntry(
        key=new_id("video"),
        number=row.number,
        phase=phase,
        model=row.plan.model_of(phase),
        sent_at=tx.now(),
        worst=worst,
    )
    store.insert_entry(tx, batch.id, entry)
    store.change_row(
        tx,
        batch.id,
        row.number,
        state=RowState.OPEN.value,
        held_amount=row.held_amount - (worst or 0),
        held_creates=row.held_creates - 1,
    )
    return entry
