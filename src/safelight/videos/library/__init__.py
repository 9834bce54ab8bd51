"""The library of proven prompts: prompts whose videos were delivered with the verdict `allow`."""

from .entries import (
    MAX_CATEGORY_CHARACTERS,
    MAX_NOTES_CHARACTERS,
    EntryImport,
    EntryQuery,
    EntryStatus,
    EntryUse,
    ImportedEntry,
    ImportOutcome,
    LibraryEntry,
    NewEntry,
    UseOutcome,
    find_status,
    last_proof,
)
from .entry_objects import entry_object, import_object, read_imported
from .rows import is_proof, record_use, withdraw_entries
from .search_terms import index_terms, order_found, query_terms, rank
from .service import MAX_IMPORTED_ENTRIES, MAX_RESULTS, Library

__all__ = [
    "MAX_CATEGORY_CHARACTERS",
    "MAX_IMPORTED_ENTRIES",
    "MAX_NOTES_CHARACTERS",
    "MAX_RESULTS",
    "EntryImport",
    "EntryQuery",
    "EntryStatus",
    "EntryUse",
    "ImportOutcome",
    "ImportedEntry",
    "Library",
    "LibraryEntry",
    "NewEntry",
    "UseOutcome",
    "entry_object",
    "find_status",
    "import_object",
    "index_terms",
    "is_proof",
    "last_proof",
    "order_found",
    "query_terms",
    "rank",
    "read_imported",
    "record_use",
    "withdraw_entries",
]
