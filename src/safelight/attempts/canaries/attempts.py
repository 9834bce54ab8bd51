"""The calls of canaries as attempts of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select

from safelight.attempts.charge_columns import read_logged_charge
from safelight.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.store.tables import canaries, canary_calls
from safelight.store.transaction import Transaction

_FILE_CAME = {AttemptOutcome.PASSED: True, AttemptOutcome.REFUSED: False, AttemptOutcome.FAILED: False}


def read_canary_attempts(
    tx: Transaction, where: Sequence[ColumnElement[bool]], limit: int
) -> list[AttemptRecord]:
    """The calls that meet the conditions, newest first."""
    of = canary_calls.c
    rows = tx.execute(
        select(canary_calls, canaries.c.prompt)
        .join(canaries, and_(canaries.c.tenant_id == of.tenant_id, canaries.c.id == of.canary_id))
        .where(*tx.tenant_condition(canary_calls), *tx.tenant_condition(canaries), *where)
        .order_by(of.created_at.desc(), of.id.desc())
        .limit(limit)
    )
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> AttemptRecord:
    outcome = AttemptOutcome.RUNNING if row.ended_at is None else AttemptOutcome(row.outcome)
    return AttemptRecord(
        id=row.id,
        origin=AttemptOrigin.CANARY,
        at=row.created_at,
        provider=row.generator,
        model=row.model,
        seconds=float(row.seconds),
        width=row.width,
        height=row.height,
        prompt=row.prompt,
        error=row.error,
        outcome=outcome,
        stage=row.stage,
        file_came=_FILE_CAME.get(outcome),
        charge=read_logged_charge(row),
        request_id=row.upstream_id or "",
    )
