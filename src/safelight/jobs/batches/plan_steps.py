"""Stores the checks of rows, and the complete plan of a batch. The caller has locked the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from safelight.errors import Conflict
from safelight.store.transaction import Transaction
from safelight_client.batch import BatchPlan

from . import store
from .models import Batch, BatchState, RowState
from .planning import CheckedRow, row_plan
from .transitions import finish, start, stop


def store_checks(tx: Transaction, batch: Batch, checked: Sequence[CheckedRow]) -> None:
    for each in checked:
        store.change_row(
            tx,
            batch.id,
            each.number,
            found=asdict(each.found),
            problems=list(each.problems),
            state=RowState.PENDING.value,
        )


def store_plan(tx: Transaction, batch: Batch, plan: BatchPlan) -> None:
    """Store the plan of all rows, and start the batch if it runs without a further request."""
    for planned in plan.rows:
        skipped = planned.skipped
        store.change_row(
            tx,
            batch.id,
            planned.row.number,
            plan=row_plan(planned),
            state=(RowState.NOT_SENT if skipped else RowState.PENDING).value,
            message=skipped,
        )
    totals = plan.totals()
    store.change(tx, batch.id, state=BatchState.PLANNED.value, plan=totals)
    tx.append_audit("batch.planned", subject=batch.id, actor="batches", content=totals)
    if batch.runs:
        planned_batch = replace(batch, plan=totals)
        try:
            start(tx, planned_batch, batch.limits, actor=batch.principal.id)
        except Conflict as error:
            stop(tx, planned_batch, str(error))
            finish(tx, planned_batch, BatchState.STOPPED)
