"""Reads and writes batches, their rows and their submissions, in a transaction of the caller."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy import Row as DatabaseRow

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.models import APPLICATION_SCOPES
from safelight.store.database import Transaction
from safelight.store.tables import batch_rows, batch_submissions, batches, deleted_batches, videos
from safelight.videos.models import VideoState
from safelight_client.batch import BatchRow, PlanOptions, PromptCheck
from safelight_client.batch.journal import JournalEntry
from safelight_client.batch.money import CostCeiling

from .models import (
    ACTIVE,
    COUNTED,
    Batch,
    BatchLimits,
    BatchRequest,
    BatchState,
    Row,
    RowPlan,
    RowState,
    Totals,
)

#: Outcome of a submission that never became a video, because the gateway did not accept requests then.
UNSENT = "unsent"
#: Rows that are read at once while the next one is looked for.
_PAGE = 200


def insert(tx: Transaction, batch_id: str, principal: Principal, request: BatchRequest, digest: str) -> bool:
    """Store a new batch with its rows. Returns False, and stores nothing, if its idempotency key is known."""
    now = tx.now()
    added = tx.insert_or_ignore(
        batches,
        id=batch_id,
        state=BatchState.PLANNING.value,
        created_at=now,
        updated_at=now,
        principal_id=principal.id,
        principal_kind=principal.kind.value,
        principal_name=principal.name,
        idempotency_key=request.idempotency_key,
        request_sha256=digest,
        options=asdict(request.options),
        limits=limits_document(request.limits, runs=request.run),
        row_count=len(request.rows),
        stop_reason="",
        wait_reason="",
        cancelled=False,
        leased_until=0.0,
        due_at=0.0,
    )
    for row in request.rows if added else ():
        tx.insert(
            batch_rows,
            batch_id=batch_id,
            number=row.number,
            line=row.line,
            name=row.name,
            fields=dict(row.fields),
            problems=list(row.problems),
            state=RowState.UNCHECKED.value,
            message="",
            by_policy=False,
            held_amount=0,
            held_creates=0,
            due_at=0.0,
        )
    return added


def find(tx: Transaction, batch_id: str, *, lock: bool = False) -> Batch | None:
    row = tx.one(batches, batches.c.id == batch_id, lock=lock)
    return None if row is None else batch_of(row)


def due_batches(
    tx: Transaction, worker: str, *, left_out: Collection[str], limit: int
) -> list[tuple[str, str]]:
    """Tenant and id of batches that a process may work on now, in a transaction across tenants.

    First the one of each tenant whose last turn is the longest ago, then the second of each, and so on.
    """
    columns = batches.c
    place = func.row_number().over(partition_by=columns.tenant_id, order_by=columns.updated_at)
    found = tx.select(
        batches,
        columns.ended_at.is_(None),
        columns.state.in_([state.value for state in ACTIVE]),
        columns.due_at <= tx.now(),
        is_free(worker, tx.now()),
        columns.id.not_in(left_out),
        columns=[columns.tenant_id, columns.id],
        order_by=(place, columns.updated_at),
        limit=limit,
    )
    return [(row.tenant_id, row.id) for row in found]


def count_unfinished(tx: Transaction) -> int:
    """The batches of the tenant that have not ended: planned, running or to be planned."""
    return tx.count(batches, batches.c.ended_at.is_(None))


def is_free(worker: str, now: float) -> ColumnElement[bool]:
    """A process that was killed gets its batch back at its next start, others after the lease."""
    return or_(batches.c.leased_until <= now, batches.c.leased_by == worker)


def batch_of(row: DatabaseRow[Any]) -> Batch:
    limits = dict(row.limits)
    runs = bool(limits.pop("runs"))
    principal = Principal(
        tenant=row.tenant_id,
        id=row.principal_id,
        kind=PrincipalKind(row.principal_kind),
        name=row.principal_name,
        scopes=APPLICATION_SCOPES,
    )
    return Batch(
        id=row.id,
        state=BatchState(row.state),
        created_at=row.created_at,
        ended_at=row.ended_at,
        principal=principal,
        options=PlanOptions(**row.options),
        limits=BatchLimits(**limits),
        runs=runs,
        row_count=row.row_count,
        plan=row.plan,
        stop_reason=row.stop_reason,
        wait_reason=row.wait_reason,
        cancelled=row.cancelled,
    )


def change(tx: Transaction, batch_id: str, **values: Any) -> None:
    tx.update(batches, batches.c.id == batch_id, updated_at=tx.now(), **values)


def limits_document(limits: BatchLimits, *, runs: bool) -> dict[str, Any]:
    """The limits as they are stored, with whether a run follows the plan."""
    return {**asdict(limits), "runs": runs}


def delete(tx: Transaction, batch_id: str) -> None:
    """Delete a batch with its rows. Its videos stay, and so does a digest of its idempotency key."""
    row = tx.one(batches, batches.c.id == batch_id)
    if row is not None and row.idempotency_key is not None:
        digest = _hash_key(row.idempotency_key)
        tx.insert(deleted_batches, id=batch_id, key_sha256=digest, deleted_at=tx.now())
    tx.delete(batch_submissions, batch_submissions.c.batch_id == batch_id)
    tx.delete(batch_rows, batch_rows.c.batch_id == batch_id)
    tx.delete(batches, batches.c.id == batch_id)


def is_key_of_deleted(tx: Transaction, idempotency_key: str) -> bool:
    """Whether a batch with this key was deleted, and the key is still remembered."""
    return tx.count(deleted_batches, deleted_batches.c.key_sha256 == _hash_key(idempotency_key)) > 0


def has_deleted(tx: Transaction, before: float) -> bool:
    """Whether a key is remembered of a batch that was deleted before this time, across tenants."""
    return tx.count(deleted_batches, deleted_batches.c.deleted_at < before) > 0


def forget_deleted(tx: Transaction, before: float) -> None:
    """Forget the keys of batches that were deleted before this time, in a transaction across tenants."""
    tx.delete(deleted_batches, deleted_batches.c.deleted_at < before)


def _hash_key(idempotency_key: str) -> str:
    return hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()


def expired_batches(tx: Transaction, before: float, *, left_out: Collection[str], limit: int) -> list[Batch]:
    """Batches that are not worked on and have not changed since, in a transaction across tenants."""
    columns = batches.c
    found = tx.select(
        batches,
        columns.state.not_in([state.value for state in ACTIVE]),
        columns.updated_at < before,
        columns.id.not_in(left_out),
        order_by=(columns.updated_at,),
        limit=limit,
    )
    return [batch_of(row) for row in found]


def is_leased(tx: Transaction, batch_id: str) -> bool:
    """Whether a process works on the batch now."""
    return tx.one(batches, batches.c.id == batch_id, batches.c.leased_until > tx.now()) is not None


def rows(
    tx: Transaction, batch_id: str, *where: ColumnElement[bool], limit: int | None = None
) -> tuple[Row, ...]:
    """The rows that meet the conditions, in their order, with their submissions."""
    found = tx.select(
        batch_rows,
        batch_rows.c.batch_id == batch_id,
        *where,
        order_by=(batch_rows.c.number,),
        limit=limit,
    )
    sent = entries(tx, batch_id, [row.number for row in found] if where or limit else None)
    delivered = [sent[row.number][-1].key for row in found if row.state == RowState.DELIVERED.value]
    columns = (videos.c.id, videos.c.sealed_sha256)
    hashes = {
        each.id: each.sealed_sha256 for each in tx.select(videos, videos.c.id.in_(delivered), columns=columns)
    }
    return tuple(_row(row, sent[row.number], hashes) for row in found)


def find_row(tx: Transaction, batch_id: str, number: int) -> Row:
    """A row that exists, as it is now."""
    return rows(tx, batch_id, batch_rows.c.number == number)[0]


def ready_rows(tx: Transaction, batch_id: str, *, reserved: bool) -> Iterator[Row]:
    """Rows that may be sent now, in their order: those with a reservation, or those without."""
    columns = batch_rows.c
    held = columns.held_creates > 0 if reserved else columns.held_creates == 0
    ready = (columns.state == RowState.PENDING.value, columns.due_at <= tx.now(), held)
    after = 0
    while found := rows(tx, batch_id, *ready, columns.number > after, limit=_PAGE):
        yield from found
        after = found[-1].number


def entries(
    tx: Transaction, batch_id: str, numbers: list[int] | None = None
) -> Mapping[int, list[JournalEntry]]:
    """The submissions by row, in the order in which they were sent. `numbers`: only of these rows."""
    columns = batch_submissions.c
    only = () if numbers is None else (columns.number.in_(numbers),)
    order = (columns.sent_at, columns.video_id)
    sent: dict[int, list[JournalEntry]] = defaultdict(list)
    for row in tx.select(batch_submissions, columns.batch_id == batch_id, *only, order_by=order):
        sent[row.number].append(
            JournalEntry(
                key=row.video_id,
                number=row.number,
                phase=row.phase,
                model=row.model,
                sent_at=row.sent_at,
                worst=row.worst,
                state=row.state,
                video_id="" if row.state == "sending" or row.outcome == UNSENT else row.video_id,
                outcome=row.outcome,
                charged=row.charged,
                cost=row.cost,
            )
        )
    return sent


def _row(row: DatabaseRow[Any], sent: Sequence[JournalEntry], hashes: Mapping[str, str | None]) -> Row:
    return Row(
        source=BatchRow(
            number=row.number,
            line=row.line,
            name=row.name,
            fields=row.fields,
            problems=tuple(row.problems),
        ),
        state=RowState(row.state),
        found=None if row.found is None else PromptCheck(**row.found),
        plan=None if row.plan is None else RowPlan(**row.plan),
        message=row.message,
        by_policy=row.by_policy,
        held_amount=row.held_amount,
        held_creates=row.held_creates,
        due_at=row.due_at,
        entries=tuple(sent),
        sha256=(hashes.get(sent[-1].key) or "") if sent else "",
    )


def video_states(tx: Transaction, ids: Collection[str]) -> Mapping[str, VideoState]:
    """The states of those of these videos that exist."""
    found = tx.select(videos, videos.c.id.in_(ids), columns=(videos.c.id, videos.c.state))
    return {row.id: VideoState(row.state) for row in found}


def change_row(tx: Transaction, batch_id: str, number: int, **values: Any) -> None:
    tx.update(batch_rows, batch_rows.c.batch_id == batch_id, batch_rows.c.number == number, **values)


def end_row(
    tx: Transaction, batch_id: str, number: int, state: RowState, message: str, **values: Any
) -> None:
    """End a row: nothing of it is reserved any more."""
    last = select(func.max(batch_rows.c.ended)).where(
        tx.tenant_condition(batch_rows)[0], batch_rows.c.batch_id == batch_id
    )
    place = (tx.execute(last).scalar_one() or 0) + 1
    change_row(
        tx,
        batch_id,
        number,
        state=state.value,
        message=message,
        held_amount=0,
        held_creates=0,
        ended=place,
        **values,
    )


def exclude(tx: Transaction, batch_id: str, row: Row, line: int) -> None:
    """Mark a row whose draft is under way as a neighbour of a blocked row: its video is not sent."""
    assert row.plan is not None
    plan = asdict(replace(row.plan, neighbour_of=line))
    change_row(tx, batch_id, row.number, plan=plan, held_amount=0, held_creates=0)


def ended_in_order(tx: Transaction, batch_id: str) -> list[bool]:
    """The ended rows that count for the rule on blocks, in their order: whether each was blocked."""
    columns = batch_rows.c
    found = tx.select(
        batch_rows,
        columns.batch_id == batch_id,
        columns.state.in_([state.value for state in COUNTED]),
        columns=[columns.state],
        order_by=(columns.ended,),
    )
    return [row.state == RowState.BLOCKED.value for row in found]


def count_last_failures(tx: Transaction, batch_id: str, most: int) -> int:
    """How many of the rows that ended last failed, one after another; at most `most`."""
    columns = batch_rows.c
    found = tx.select(
        batch_rows,
        columns.batch_id == batch_id,
        columns.state.in_([state.value for state in COUNTED]),
        columns=[columns.state],
        order_by=(columns.ended.desc(),),
        limit=most,
    )
    return len([*takewhile(lambda row: row.state == RowState.FAILED.value, found)])


def insert_entry(tx: Transaction, batch_id: str, entry: JournalEntry) -> None:
    tx.insert(
        batch_submissions,
        video_id=entry.key,
        batch_id=batch_id,
        number=entry.number,
        phase=entry.phase,
        model=entry.model,
        sent_at=entry.sent_at,
        worst=entry.worst,
        state=entry.state,
        outcome=entry.outcome,
        charged=entry.charged,
        cost=entry.cost,
    )


def write_entry(tx: Transaction, entry: JournalEntry) -> None:
    tx.update(
        batch_submissions,
        batch_submissions.c.video_id == entry.key,
        state=entry.state,
        outcome=entry.outcome,
        charged=entry.charged,
        cost=entry.cost,
    )


def totals(tx: Transaction, batch_id: str) -> Totals:
    sent, held = batch_submissions.c, batch_rows.c
    has_ended = sent.state == "ended"
    is_unknown = has_ended & sent.cost.is_(None) & (sent.outcome == RowState.SUBMIT_UNKNOWN.value)
    worst = func.coalesce(sent.worst, 0)
    money = tx.execute(
        select(
            func.sum(case((is_unknown, 0), (has_ended, func.coalesce(sent.cost, worst)), else_=0)).label(
                "spent"
            ),
            func.sum(case((is_unknown, worst), else_=0)).label("unknown"),
            func.sum(case((has_ended, 0), else_=worst)).label("reserved"),
            func.sum(case((sent.outcome == UNSENT, 0), else_=1)).label("creates"),
        ).where(*tx.tenant_condition(batch_submissions), sent.batch_id == batch_id)
    ).one()
    groups = tx.execute(
        select(
            held.state,
            func.count().label("number"),
            func.sum(held.held_amount).label("amount"),
            func.sum(held.held_creates).label("creates"),
        )
        .where(*tx.tenant_condition(batch_rows), held.batch_id == batch_id)
        .group_by(held.state)
    ).all()
    return Totals(
        states={group.state: int(group.number) for group in groups},
        spent=int(money.spent or 0),
        unknown=int(money.unknown or 0),
        reserved=int(money.reserved or 0) + sum(int(group.amount) for group in groups),
        creates=int(money.creates or 0) + sum(int(group.creates) for group in groups),
    )


def ceiling(tx: Transaction, batch: Batch) -> CostCeiling:
    """The money of a batch. The caller has locked the batch: no other create is reserved meanwhile."""
    found = totals(tx, batch.id)
    money = CostCeiling(batch.limits.max_amount, batch.limits.max_jobs)
    money.restore(spent=found.spent, unknown=found.unknown, reserved=found.reserved, jobs=found.creates)
    return money


def give_back(tx: Transaction, batch_id: str) -> None:
    """End the reservations of rows whose next submission has not begun."""
    tx.update(
        batch_rows,
        batch_rows.c.batch_id == batch_id,
        batch_rows.c.state == RowState.PENDING.value,
        held_amount=0,
        held_creates=0,
    )
