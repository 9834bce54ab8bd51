"""The ledger: what end users are charged, and what generators charged, in entries that are never changed."""

from __future__ import annotations

from .models import MICROS, EntryKind, LedgerEntry, LedgerSum, Prices, Reason, SumBy, Work, to_micros
from .serializers import entry_object, sum_object
from .service import Ledger
from .store import charge, charged_micros, credit, record_cost

__all__ = [
    "MICROS",
    "EntryKind",
    "Ledger",
    "LedgerEntry",
    "LedgerSum",
    "Prices",
    "Reason",
    "SumBy",
    "Work",
    "charge",
    "charged_micros",
    "credit",
    "entry_object",
    "record_cost",
    "sum_object",
    "to_micros",
]
