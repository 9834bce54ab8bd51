"""Reads and writes reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.errors import RateLimited
from safelight.store.tables import reports
from safelight.store.transaction import Transaction
from safelight.trust.reviews.text_screening import decode

from .models import Report, ReporterKind

_HOUR_S = 3600.0


def add_report(tx: Transaction, made: Report) -> None:
    tx.insert(
        reports,
        id=made.id,
        video_id=made.video_id,
        case_id=made.case_id,
        category=made.category,
        reason=made.reason,
        note=made.note,
        text_screening=made.screening.encode(),
        reporter_kind=made.reporter_kind.value,
        reporter=made.reporter,
        contact=made.contact,
        created_at=made.created_at,
    )


def read_report_times(tx: Transaction, reporter: str, *, since: float) -> list[float]:
    """The times at which this reporter sent reports since `since`, oldest first."""
    rows = tx.select(
        reports,
        reports.c.reporter == reporter,
        reports.c.created_at > since,
        columns=[reports.c.created_at],
        order_by=(reports.c.created_at,),
    )
    return [row.created_at for row in rows]


def enforce_rate_limit(tx: Transaction, reporter: str, *, per_hour: int, what: str) -> None:
    """Raise `RateLimited` if this reporter has already sent `per_hour` reports within an hour."""
    now = tx.now()
    earlier = read_report_times(tx, reporter, since=now - _HOUR_S)
    if len(earlier) >= per_hour:
        raise RateLimited(
            f"You have sent {len(earlier)} {what} within an hour, the maximum. All are recorded.",
            retry_after_s=max(1.0, earlier[-per_hour] + _HOUR_S - now),
        )


def report_from_row(row: Row[Any]) -> Report:
    return Report(
        id=row.id,
        tenant=row.tenant_id,
        video_id=row.video_id,
        case_id=row.case_id,
        category=row.category,
        reason=row.reason,
        note=row.note,
        reporter_kind=ReporterKind(row.reporter_kind),
        reporter=row.reporter,
        contact=row.contact,
        created_at=row.created_at,
        screening=decode(row.text_screening),
    )
