"""The ledger: what end users are charged, and what generators charged, in entries that are never changed."""

from __future__ import annotations

from .models import (
    MICROS,
    EntryKind,
    LedgerEntry,
    LedgerFilter,
    LedgerSum,
    Prices,
    Reason,
    SumBy,
    Work,
    to_micros,
)
from .serializers import ENTRY_COLUMNS, entry_object, sum_object
from .service import Ledger
from .store import charge, charged_micros, credit, record_canary_cost, record_cost

__all__ = [
    "ENTRY_COLUMNS",
    "MICROS",
    "EntryKind",
    "Ledger",
    "LedgerEntry",
    "LedgerFilter",
    "LedgerSum",
    "Prices",
    "Reason",
    "SumBy",
    "Work",
    "charge",
    "charged_micros",
    "credit",
    "entry_object",
    "record_canary_cost",
    "record_cost",
    "sum_object",
    "to_micros",
]
