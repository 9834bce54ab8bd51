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

#: Rows among which the next one is looked for.
_MAX_ROWS = 200


def reserve_next(tx: Transaction, batch: Batch) -> Row | None:
    """The next row, with the creates that are reserved for it. None if none may be sent now.

    Stops the batch if nothing fits under its ceiling and nothing is under way.
    """
    rows = store.pending_rows(tx, batch.id, limit=_MAX_ROWS)
    money = store.ceiling(tx, batch)
    # First those that have begun, because a draft was paid; last those that failed before at no cost.
    for row in sorted(rows, key=lambda row: (not row.held_creates, bool(row.entries), row.number)):
        if row.held_creates:
            return row
        assert row.plan is not None
        needed = [row.plan.worst_of(phase) for phase in phases_left(row)]
        if money.reserve(*needed):
            amount = sum(each or 0 for each in needed)
            return replace(row, held_amount=amount, held_creates=len(needed))
    states = store.totals(tx, batch.id).states
    if rows and not states.get(RowState.OPEN.value):
        left = states[RowState.PENDING.value]
        stop(tx, batch, f"The ceiling does not allow {left} more rows.")
    return None


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
