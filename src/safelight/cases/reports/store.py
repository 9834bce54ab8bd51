"""Reads and writes reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.accounts.reporter import ReporterKind
from safelight.screening.text_screening import decode
from safelight.store.database import Transaction
from safelight.store.tables import reports

from .models import Report


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
