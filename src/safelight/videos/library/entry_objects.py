"""Entries of the library as JSON, for the API, the command line and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from safelight.core.envelopes import whole_seconds
from safelight.core.errors import InvalidField

from .entries import NOT_STORABLE, EntryImport, ImportedEntry, LibraryEntry


def entry_object(entry: LibraryEntry) -> dict[str, Any]:
    return {
        "object": "library.entry",
        "id": entry.id,
        "prompt": entry.prompt,
        "category": entry.category,
        "notes": entry.notes,
        "variation_of": entry.variation_of,
        "video_id": entry.video_id,
        "created_at": int(entry.created_at),
        "status": entry.status.value,
        "needs_validation": entry.status.needs_validation,
        "model": entry.model,
        "proven_at": whole_seconds(entry.proven_at),
        "last_video_id": entry.last_video_id,
        "proofs": entry.proofs,
        "blocks": entry.blocks,
    }


def import_object(results: Iterable[EntryImport]) -> dict[str, Any]:
    listed = [
        {"number": one.number, "outcome": one.outcome.value, "reason": one.reason or None} for one in results
    ]
    return {
        "object": "library.import",
        "added": sum(one["outcome"] == "added" for one in listed),
        "results": listed,
    }


def read_imported(value: Any, number: int) -> ImportedEntry:
    """One entry of an import or an export. Other fields of an export are ignored. Raises `InvalidField`."""
    if not isinstance(value, Mapping) or not isinstance(value.get("prompt"), str):
        raise InvalidField(f"Entry {number} must be an object with a prompt.", param="entries")
    category, notes = value.get("category"), value.get("notes") or ""
    if not isinstance(category, str) or not isinstance(notes, str):
        raise InvalidField(f"Entry {number} needs a category, and its fields must be texts.", param="entries")
    if NOT_STORABLE.search(value["prompt"] + category + notes):
        raise InvalidField(
            f"Entry {number} has a NUL character or half a surrogate pair, which is not Unicode text.",
            param="entries",
        )
    return ImportedEntry(prompt=value["prompt"], category=category, notes=notes)
