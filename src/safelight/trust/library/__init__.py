"""The library of proven prompts: prompts whose videos were delivered with the verdict `allow`."""

from __future__ import annotations

from .models import (
    EntryImport,
    EntryPage,
    EntryQuery,
    EntryStatus,
    ImportedEntry,
    ImportOutcome,
    LibraryEntry,
    NewEntry,
)
from .service import Library

__all__ = [
    "EntryImport",
    "EntryPage",
    "EntryQuery",
    "EntryStatus",
    "ImportOutcome",
    "ImportedEntry",
    "Library",
    "LibraryEntry",
    "NewEntry",
]
