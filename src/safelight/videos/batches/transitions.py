"""Changes of a batch with their audit entries: start, stop and end, in a transaction that has locked it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from safelight.core.errors import Conflict
from safelight.store.database import Database, Transaction
from safelight.store.tables import batch_rows
from safelight_client.batch.journal import JournalEntry
from safelight_client.batch.similarity import SimilarTexts
from safelight_client.batch.stop_rules import StopRules
from safelight_client.money import micro

from . import store
from .models import Batch, BatchLimits, BatchState, Row, RowState

#: Why a batch stops when a limit of the gateway or of the key refuses a request.
REFUSED = "The gateway does not accept requests of this batch: {}"
_CANCELLED = "The batch was cancelled."
#: Consecutive failed rows that stop a batch: they may be charged, and their cause is rarely the prompt.
_MAX_FAILURES = 5
_NEIGHBOUR = "The prompt is nearly that of line {}, which the policy blocks."


@contextmanager
def changing(database: Database, batch: Batch) -> Iterator[tuple[Transaction, Batch]]:
    """A transaction with the batch locked, as it is now."""
    with database.transaction(batch.principal.tenant) as tx:
        current = store.find(tx, batch.id, lock=True)
        assert current is not None
        yield tx, current


def start(tx: Transaction, batch: Batch, limits: BatchLimits, *, actor: str) -> None:
    """Begin or continue the run of a planned batch. Raises `Conflict` if the limits do not suffice."""
    assert batch.plan is not None
    unpriced = batch.plan["unknown_prices"]
    if unpriced and limits.max_jobs is None:
        raise Conflict(
            f"The price of {unpriced} {'row' if unpriced == 1 else 'rows'} is not known.",
            param="max_jobs",
            remedy="State the largest number of jobs.",
        )
    reason = _reason(tx, batch, limits)
    if reason:
        raise Conflict(reason, param="max_refusals", remedy="Allow more refusals, or leave the batch.")
    if limits.max_amount is None:
        limits = replace(limits, max_amount=micro(batch.plan["worst_usd"]))
    store.change(
        tx,
        batch.id,
        state=BatchState.RUNNING.value,
        limits=store.limits_document(limits, runs=True),
        stop_reason="",
        wait_reason="",
        ended_at=None,
        due_at=0.0,
    )
    tx.append_audit("batch.started", subject=batch.id, actor=actor, content={"limits": _limits(limits)})


def _limits(limits: BatchLimits) -> dict[str, int | None]:
    return {
        "max_amount_millionths": limits.max_amount,
        "max_jobs": limits.max_jobs,
        "max_refusals": limits.max_refusals,
    }


def _reason(tx: Transaction, batch: Batch, limits: BatchLimits) -> str:
    """Why no further row may be sent after the blocks so far; empty if one may."""
    rules = StopRules(max_refusals=limits.max_refusals)
    for blocked in store.ended_in_order(tx, batch.id):
        rules.record(blocked=blocked)
    return rules.reason


def stop(tx: Transaction, batch: Batch, reason: str, *, actor: str = "batches") -> None:
    """Send nothing more, and give back what is reserved for it. What is under way goes on."""
    if batch.stop_reason:
        return
    store.change(tx, batch.id, stop_reason=reason)
    store.give_back(tx, batch.id)
    tx.append_audit("batch.stopping", subject=batch.id, actor=actor, content={"reason": reason})


def finish(tx: Transaction, batch: Batch, state: BatchState) -> None:
    """Nothing of the batch is under way any more."""
    now = tx.now()
    store.change(tx, batch.id, state=state.value, wait_reason="", ended_at=now)
    tx.append_audit(f"batch.{state.value}", subject=batch.id, actor="batches", content={})
    tx.publish(f"batch.{state.value}", subject=batch.id, body={"id": batch.id, "at": now})


def end_row(
    tx: Transaction,
    batch: Batch,
    row: Row,
    state: RowState,
    message: str,
    *,
    near: Sequence[int] | None = None,
) -> None:
    """End a row, and stop the batch if a rule demands that.

    `near`: the rows that are nearly the same, if the policy blocked this one.
    """
    store.end_row(tx, batch.id, row.number, state, message, by_policy=near is not None)
    if state is RowState.FAILED:
        failures = store.count_last_failures(tx, batch.id, _MAX_FAILURES)
        if failures == _MAX_FAILURES:
            stop(tx, batch, f"{failures} consecutive rows failed. The last one: {message}")
    if state is not RowState.BLOCKED:
        return
    if near:
        _exclude_neighbours(tx, batch, row, near)
    reason = _reason(tx, batch, batch.limits)
    if reason:
        current = store.find(tx, batch.id)
        assert current is not None
        stop(tx, current, reason)


def take_back(tx: Transaction, batch: Batch, entry: JournalEntry) -> None:
    """End a stored submission that never became a video, and never will."""
    store.write_entry(tx, replace(entry, state="ended", outcome=store.UNSENT, charged="no", cost=0))
    row = store.find_row(tx, batch.id, entry.number)
    leave(tx, batch, replace(row, held_amount=0, held_creates=0))


def leave(tx: Transaction, batch: Batch, row: Row) -> None:
    """A row of which nothing is under way waits for its next submission, or ends if none may follow."""
    assert row.plan is not None
    if batch.cancelled:
        store.end_row(tx, batch.id, row.number, RowState.NOT_SENT, _CANCELLED)
    elif row.plan.neighbour_of is not None:
        message = _NEIGHBOUR.format(row.plan.neighbour_of)
        store.end_row(tx, batch.id, row.number, RowState.NOT_SENT, message)
    else:
        amount, creates = (0, 0) if batch.stop_reason else (row.held_amount, row.held_creates)
        pending = RowState.PENDING.value
        store.change_row(tx, batch.id, row.number, state=pending, held_amount=amount, held_creates=creates)


def find_neighbours(rows: Sequence[Row], blocked: Row) -> list[int]:
    """The numbers of the rows that are nearly the same as a blocked one and are not sent yet."""
    compared = [row for row in rows if not row.source.problems]
    similar = SimilarTexts([row.source.prompt for row in compared])
    waiting = [place for place, row in enumerate(compared) if _waits(row)]
    place = next(place for place, row in enumerate(compared) if row.number == blocked.number)
    return [compared[other].number for other in similar.neighbours(place, waiting)]


def _waits(row: Row) -> bool:
    return row.state in (RowState.PENDING, RowState.OPEN) and not any(
        entry.phase == "video" and not entry.is_void for entry in row.entries
    )


def _exclude_neighbours(tx: Transaction, batch: Batch, blocked: Row, near: Sequence[int]) -> None:
    """Rows that are nearly the same as a row which the policy blocked are not sent, and the batch stops."""
    line = blocked.source.line
    found = [row for row in store.rows(tx, batch.id, batch_rows.c.number.in_(near)) if _waits(row)]
    for row in found:
        if row.state is RowState.PENDING:
            store.end_row(tx, batch.id, row.number, RowState.NOT_SENT, _NEIGHBOUR.format(line))
        else:
            # Its draft is under way; its video is not sent after it.
            store.exclude(tx, batch.id, row, line)
    if found:
        stop(
            tx,
            batch,
            f"The policy blocked line {line}. Its prompt is nearly that of {len(found)} more "
            f"{'row' if len(found) == 1 else 'rows'}, not sent.",
        )


def cancel(tx: Transaction, batch: Batch, *, actor: str) -> None:
    """Send nothing more. Videos that are under way go on, because upstreams cannot take them back."""
    tx.update(
        batch_rows,
        batch_rows.c.batch_id == batch.id,
        batch_rows.c.state.in_([RowState.PENDING.value, RowState.UNCHECKED.value]),
        state=RowState.NOT_SENT.value,
        message=_CANCELLED,
        held_amount=0,
        held_creates=0,
    )
    reason = batch.stop_reason or _CANCELLED
    store.change(tx, batch.id, cancelled=True, stop_reason=reason)
    tx.append_audit("batch.cancelling", subject=batch.id, actor=actor, content={})
    if batch.state is not BatchState.RUNNING:
        finish(tx, batch, BatchState.CANCELLED)
