"""Reads and writes canaries within a transaction."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from safelight.core.errors import UpstreamModerationBlocked
from safelight.providers.attempts.models import AttemptOutcome
from safelight.providers.library import EntryStatus, find_status, read_uses, record_stop
from safelight.store.database import Transaction
from safelight.store.tables import attempts, canaries, canary_calls, library_entries, library_uses, videos
from safelight_client.money import micro

from .models import Canary, CanaryReport, CanaryState, PriceSource, StopReason
from .schedule import MONTH_S

_log = logging.getLogger(__name__)


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
        skipped_slot=row.skipped_slot,
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
    record_stop(
        tx,
        canary.id,
        generator=canary.generator,
        model=canary.model,
        reason=reason.value,
        was_on=canary.state is CanaryState.ON,
    )
    _log.warning(
        "The canary %s at %s/%s was stopped: %s.", canary.id, canary.generator, canary.model, reason.value
    )


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


@dataclass(frozen=True, kw_only=True)
class Charged:
    """What the providers charged for calls of the last 31 days."""

    #: The highest charge of one call in millionths of a US dollar.
    highest_micros: int
    #: Whether one was charged in another currency.
    in_other_currency: bool


def spent_micros(tx: Transaction, *where: ColumnElement[bool]) -> int:
    """What the calls of the tenant in the last 31 days, and those with a later time, cost at most.

    The clock may have been ahead.
    """
    of = canary_calls.c
    total = select(func.sum(of.cost_micros)).where(*_recent(tx), *where)
    return int(tx.execute(total).scalar_one() or 0)


def same_prompt(tx: Transaction, entry_id: str, generator: str, model: str) -> ColumnElement[bool]:
    """The calls of all canaries of an entry at a model, with those of removed ones."""
    of = canaries.c
    return canary_calls.c.canary_id.in_(
        select(of.id).where(
            *tx.tenant_condition(canaries),
            of.entry_id == entry_id,
            of.generator == generator,
            of.model == model,
        )
    )


def read_charged(tx: Transaction, where: ColumnElement[bool]) -> Charged:
    of = canary_calls.c
    rows = tx.execute(
        select(of.currency, func.max(of.amount).label("highest"))
        .where(*_recent(tx), where, of.amount > 0)
        .group_by(of.currency)
    ).all()
    return Charged(
        highest_micros=max((micro(row.highest) for row in rows if row.currency == "USD"), default=0),
        in_other_currency=any(row.currency != "USD" for row in rows),
    )


def has_room(tx: Transaction, canary: Canary, *, tenant_micros: int) -> bool:
    """Whether one more call is within the ceiling of the canary, and within that of the tenant."""
    own = spent_micros(tx, same_prompt(tx, canary.entry_id, canary.generator, canary.model))
    price = canary.price_micros
    return own + price <= canary.ceiling_micros and spent_micros(tx) + price <= tenant_micros


def report_on(tx: Transaction, canary: Canary) -> CanaryReport:
    of = canary_calls.c
    own = (*tx.tenant_condition(canary_calls), of.canary_id == canary.id)
    counted = tx.execute(
        select(of.outcome, func.count().label("calls")).where(*own).group_by(of.outcome)
    ).all()
    calls = {row.outcome: row.calls for row in counted}
    last = tx.select(
        canary_calls, of.canary_id == canary.id, order_by=(of.created_at.desc(), of.id.desc()), limit=1
    )
    outcome = last[0].outcome if last else None
    return CanaryReport(
        canary=canary,
        calls=sum(calls.values()),
        refused=calls.get(AttemptOutcome.REFUSED.value, 0),
        failed=calls.get(AttemptOutcome.FAILED.value, 0),
        spent_micros=spent_micros(tx, same_prompt(tx, canary.entry_id, canary.generator, canary.model)),
        last_call_at=last[0].created_at if last else None,
        last_outcome=None if outcome is None else AttemptOutcome(outcome),
        run_requested=canary.is_run_requested(tx.now()),
    )


def _recent(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (*tx.tenant_condition(canary_calls), canary_calls.c.created_at > tx.now() - MONTH_S)
