"""Reads and writes reports."""

from __future__ import annotations

from safelight.screening.text_screening import decode
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import reports

from .models import Report


def add_report(tx: Transaction, made: Report) -> None:
    tx.insert(reports, **stored_columns(made, reports), text_screening=made.screening.encode())


def report_from_row(row: Row) -> Report:
    return read_record(Report, row, screening=decode(row.text_screening))
