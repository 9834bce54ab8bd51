"""One turn of a batch that is being planned: checks rows, and plans the batch after its last row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from safelight.errors import Conflict, Forbidden
from safelight.store.database import Database
from safelight.store.tables import batch_rows
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal
from safelight_client import BatchError
from safelight_client.batch import BatchPlan
from safelight_client.batch.template_rows import with_rendered

from . import store
from .models import Batch, BatchState, RowState
from .planning import BatchPlanner, CheckedRow, row_plan
from .transitions import REFUSED, changing, finish, start, stop

#: One batch is worked on for about this long in one round, so that others get their turn.
TURN_S = 5.0
#: After an error of the gateway that may pass, the batch goes on after this time at the earliest.
MIN_WAIT_S = 1.0
#: Rows that are read at once to be checked.
_MAX_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class PlanTurn:
    """The caller has the lease of the batch."""

    database: Database
    planner: BatchPlanner
    monotonic: Callable[[], float]

    def take(self, batch: Batch, principal: Principal) -> None:
        unchecked = batch_rows.c.state == RowState.UNCHECKED.value
        with self.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id, unchecked, limit=_MAX_ROWS)
        until = self.monotonic() + TURN_S
        try:
            checked, limited = self.planner.check_rows(principal, batch, rows, until=until)
        except Forbidden as error:
            with changing(self.database, batch) as (tx, current):
                if current.state is BatchState.PLANNING:
                    stop(tx, current, REFUSED.format(error))
                    finish(tx, current, BatchState.STOPPED)
            return
        with changing(self.database, batch) as (tx, current):
            if current.state is not BatchState.PLANNING:
                return
            _store_checks(tx, batch, checked, {row.number: row.source.fields for row in rows})
            wait_s = 0.0 if limited is None else limited.retry_after_s or MIN_WAIT_S
            waiting = "" if limited is None else str(limited)
            store.change(tx, batch.id, wait_reason=waiting, due_at=tx.now() + wait_s)
        if limited is None and len(checked) == len(rows) < _MAX_ROWS:
            self._complete(batch)

    def _complete(self, batch: Batch) -> None:
        """Plan a batch whose rows were all checked.

        It takes seconds for many long prompts, and in this time no transaction may keep others waiting.
        """
        with self.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id)
        try:
            plan, problem = self.planner.plan(batch, rows), ""
        except BatchError as error:
            plan, problem = None, f"{error} {error.next_step}"
        with changing(self.database, batch) as (tx, current):
            if current.state is not BatchState.PLANNING:
                return
            if plan is None:
                stop(tx, current, problem)
                finish(tx, current, BatchState.STOPPED)
            else:
                _store_plan(tx, current, plan)


def _store_checks(
    tx: Transaction, batch: Batch, checked: Sequence[CheckedRow], fields: Mapping[int, Mapping[str, Any]]
) -> None:
    """`fields`: those of the rows by number, which get the prompts that were made from templates."""
    for each in checked:
        made = each.rendered
        changed = {} if made is None else {"fields": with_rendered(fields[each.number], made)}
        store.change_row(
            tx,
            batch.id,
            each.number,
            found=asdict(each.found),
            problems=list(each.problems),
            state=RowState.PENDING.value,
            **changed,
        )


def _store_plan(tx: Transaction, batch: Batch, plan: BatchPlan) -> None:
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
