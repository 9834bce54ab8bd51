"""The library of proven prompts: prompts whose videos were delivered with the verdict `allow`."""

from __future__ import annotations

from .models import (
    EntryQuery,
    EntryStatus,
    ImportedEntry,
    ImportOutcome,
    ImportResult,
    LibraryEntry,
    NewEntry,
)
from .service import Library

__all__ = [
    "EntryQuery",
    "EntryStatus",
    "ImportOutcome",
    "ImportResult",
    "ImportedEntry",
    "Library",
    "LibraryEntry",
    "NewEntry",
]
