"""Reads and writes canaries within a transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from safelight.attempts.models import AttemptOutcome
from safelight.errors import UpstreamModerationBlocked
from safelight.store.tables import attempts, canaries, canary_calls, library_entries, library_uses, videos
from safelight.store.transaction import Transaction
from safelight.trust.ledger import to_micros
from safelight.trust.library.models import EntryStatus
from safelight.trust.library.status import find_status
from safelight.trust.library.store import read_uses

from .models import Canary, CanaryReport, CanaryState, PriceSource, StopReason
from .schedule import MONTH_S, CallCost, spent_micros


@dataclass(frozen=True, kw_only=True)
class PromptProof:
    """How often the filter of a model passed and refused the prompt of an entry."""

    passes: int
    refusals: int
    #: The first pass; None without one.
    since: float | None


def canary_from_row(row: Row[Any]) -> Canary:
    return Canary(
        id=row.id,
        tenant=row.tenant_id,
        entry_id=row.entry_id,
        prompt=row.prompt,
        generator=row.generator,
        model=row.model,
        per_day=row.per_day,
        ceiling_micros=row.ceiling_micros,
        price_micros=row.price_micros,
        price_source=PriceSource(row.price_source),
        passes=row.passes,
        passed_since=row.passed_since,
        state=CanaryState(row.state),
        reason=None if row.reason is None else StopReason(row.reason),
        switched_at=row.switched_at,
        run_requested_at=row.run_requested_at,
    )


def find_canary(tx: Transaction, canary_id: str, *, lock: bool = False) -> Canary | None:
    """The canary; None if there is none, or if it was removed."""
    row = tx.one(canaries, canaries.c.id == canary_id, canaries.c.removed_at.is_(None), lock=lock)
    return None if row is None else canary_from_row(row)


def stop_canary(tx: Transaction, canary: Canary, reason: StopReason) -> None:
    """Stop a canary that was read with a lock."""
    tx.update(
        canaries,
        canaries.c.id == canary.id,
        state=CanaryState.STOPPED.value,
        reason=reason.value,
        switched_at=tx.now(),
        run_requested_at=None,
    )
    content = {"reason": reason.value, "generator": canary.generator, "model": canary.model}
    tx.append_audit("canary.stopped", subject=canary.id, actor="canaries", content=content)


def read_proof(tx: Transaction, entry_id: str, generator: str, model: str) -> PromptProof:
    """What the requests with this prompt alone, and earlier canaries, showed at this model."""
    rows = tx.execute(
        select(attempts.c.outcome, attempts.c.ended_at)
        .select_from(attempts)
        .join(videos, (videos.c.tenant_id == attempts.c.tenant_id) & (videos.c.id == attempts.c.video_id))
        .join(library_uses, library_uses.c.video_id == videos.c.id)
        .where(*(one for table in (attempts, videos, library_uses) for one in tx.tenant_condition(table)))
        .where(library_uses.c.entry_id == entry_id)
        .where(attempts.c.generator == generator, videos.c.model == model, attempts.c.ended_at.is_not(None))
    ).all()
    calls = tx.execute(
        select(canary_calls.c.id)
        .join(canaries, canaries.c.id == canary_calls.c.canary_id)
        .where(*tx.tenant_condition(canaries), *tx.tenant_condition(canary_calls))
        .where(canaries.c.entry_id == entry_id, canaries.c.generator == generator, canaries.c.model == model)
        .where(canary_calls.c.outcome == AttemptOutcome.REFUSED.value)
    ).all()
    passed = [row.ended_at for row in rows if row.outcome == "done"]
    refused = sum(row.outcome == UpstreamModerationBlocked.code for row in rows)
    return PromptProof(
        passes=len(passed), refusals=refused + len(calls), since=min(passed) if passed else None
    )


def reason_against_entry(tx: Transaction, entry_id: str, offered: Collection[str]) -> StopReason | None:
    """Why the entry cannot be sent now; None if it is proven."""
    if not tx.count(library_entries, library_entries.c.id == entry_id):
        return StopReason.ENTRY_REMOVED
    status = find_status(read_uses(tx, [entry_id])[entry_id], offered)
    return None if status is EntryStatus.PROVEN else StopReason.ENTRY_STATUS


def read_costs(tx: Transaction, canary_id: str) -> dict[float, CallCost]:
    """The calls of the last 31 days, and those with a later time, by their slot."""
    rows = tx.select(
        canary_calls, canary_calls.c.canary_id == canary_id, canary_calls.c.created_at > tx.now() - MONTH_S
    )
    return {row.slot: CallCost(at=row.created_at, micros=_cost(row)) for row in rows}


def report_on(tx: Transaction, canary: Canary) -> CanaryReport:
    of = canary_calls.c
    rows = tx.select(canary_calls, of.canary_id == canary.id, order_by=(of.created_at.desc(), of.id.desc()))
    outcomes = [None if row.outcome is None else AttemptOutcome(row.outcome) for row in rows]
    return CanaryReport(
        canary=canary,
        calls=len(rows),
        refused=outcomes.count(AttemptOutcome.REFUSED),
        failed=outcomes.count(AttemptOutcome.FAILED),
        spent_micros=spent_micros((CallCost(at=row.created_at, micros=_cost(row)) for row in rows), tx.now()),
        last_call_at=rows[0].created_at if rows else None,
        last_outcome=outcomes[0] if outcomes else None,
    )


def _cost(row: Row[Any]) -> int:
    """What was reserved; more if the provider charged more. An outcome gives nothing back."""
    stated = 0
    if row.amount is not None and row.currency == "USD":
        stated = to_micros(row.amount)
    return max(int(row.reserved_micros), stated)
