"""Reads and writes entries of the library, their search terms and their uses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import select

from safelight.core.ids import new_id
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import (
    library_entries,
    library_terms,
    library_uses,
    verdicts,
    video_lineage,
    videos,
)

from .entries import EntryUse, LibraryEntry, UseOutcome, find_status, last_proof
from .search_terms import index_terms

#: SQLite allows more; PostgreSQL plans long lists slowly.
_CHUNK = 500
#: The search finds a longer prompt by its beginning; each character can be two rows of the index.
MAX_INDEXED_CHARACTERS = 2_000
_BLOCK_CODES = frozenset({"sentinel_block", "moderation_blocked"})


def hash_prompt(prompt: str) -> str:
    """The same for two prompts that differ only in spaces at their ends."""
    return hashlib.sha256(prompt.strip().encode()).hexdigest()


def insert_entry(
    tx: Transaction, *, prompt: str, category: str, notes: str, meaning: bytes = b"", **columns: Any
) -> str | None:
    """Add an entry with its search terms. Returns its id; None if the library has the prompt already."""
    identity = new_id("entry")
    added = tx.insert_or_ignore(
        library_entries,
        id=identity,
        prompt=prompt,
        prompt_sha256=hash_prompt(prompt),
        category=category,
        notes=notes,
        meaning=meaning,
        created_at=tx.now(),
        **columns,
    )
    if not added:
        return None
    terms = sorted(index_terms(f"{prompt[:MAX_INDEXED_CHARACTERS]}\n{category}\n{notes}"))
    tx.insert_all(library_terms, [{"term": term, "entry_id": identity} for term in terms])
    return identity


def delete_entry(tx: Transaction, identity: str) -> None:
    """Delete an entry with its terms and uses. Its variations stay as entries of their own."""
    tx.delete(library_terms, library_terms.c.entry_id == identity)
    tx.delete(library_uses, library_uses.c.entry_id == identity)
    tx.update(library_entries, library_entries.c.variation_of == identity, variation_of=None)
    tx.delete(library_entries, identity)


def record_use(tx: Transaction, video_id: str, prompt: str) -> None:
    """Record that a video was requested with the prompt of an entry, if there is such an entry."""
    entry = tx.one(library_entries, library_entries.c.prompt_sha256 == hash_prompt(prompt))
    if entry is not None:
        tx.insert_or_ignore(library_uses, entry_id=entry.id, video_id=video_id)


def withdraw_entries(tx: Transaction, video_id: str, *, actor: str) -> None:
    """Remove the entries whose prompt a withdrawn video has, in the transaction that withdraws it."""
    used = tx.select(library_uses, library_uses.c.video_id == video_id, columns=[library_uses.c.entry_id])
    for entry in sorted({row.entry_id for row in used}):
        delete_entry(tx, entry)
        tx.append_audit("library.withdrawn", subject=entry, actor=actor, content={"video": video_id})


def read_uses(tx: Transaction, entries: Collection[str]) -> dict[str, list[EntryUse]]:
    """The uses of each entry."""
    found: dict[str, list[EntryUse]] = {entry: [] for entry in entries}
    for chunk in _chunks(entries):
        statement = (
            select(library_uses.c.entry_id, videos)
            .join(videos, videos.c.id == library_uses.c.video_id)
            .where(*tx.tenant_condition(library_uses), *tx.tenant_condition(videos))
            .where(library_uses.c.entry_id.in_(chunk))
        )
        rows = tx.execute(statement).all()
        delivered = [row.id for row in rows if row.state == "delivered"]
        stained = _not_allowed(tx, delivered)
        for row in rows:
            use = EntryUse(
                video_id=row.id,
                created_at=row.created_at,
                model=row.model,
                outcome=_outcome(row, row.id in stained),
            )
            found[row.entry_id].append(use)
    return found


def is_proof(tx: Transaction, row: Row) -> bool:
    """Whether a video was delivered, and allowed at every stage without a label or a reviewer."""
    return _outcome(row, bool(_not_allowed(tx, [row.id]))) is UseOutcome.PROOF


def is_prompt_alone(tx: Transaction, row: Row) -> bool:
    """Whether a delivered video comes from its prompt alone: no source, no references, no characters."""
    request = msgspec.json.decode(row.request)
    derived = row.remixed_from or tx.count(video_lineage, video_lineage.c.video_id == row.id)
    return not (derived or request.get("origin") or request.get("references"))


def find_holders(tx: Transaction, terms: Collection[str]) -> dict[str, frozenset[str]]:
    """The ids of the entries that have each term."""
    holders: dict[str, set[str]] = {term: set() for term in terms}
    for chunk in _chunks(terms):
        for row in tx.select(library_terms, library_terms.c.term.in_(chunk)):
            holders[row.term].add(row.entry_id)
    return {term: frozenset(found) for term, found in holders.items()}


def entry_from_row(row: Row, uses: list[EntryUse], offered_models: Collection[str]) -> LibraryEntry:
    proof = last_proof(uses)
    return read_record(
        LibraryEntry,
        row,
        status=find_status(uses, offered_models),
        model=proof.model if proof else None,
        proven_at=proof.created_at if proof else None,
        last_video_id=proof.video_id if proof else None,
        proofs=sum(use.outcome is UseOutcome.PROOF for use in uses),
        blocks=sum(use.outcome is UseOutcome.BLOCKED for use in uses),
    )


def _not_allowed(tx: Transaction, video_ids: Collection[str]) -> frozenset[str]:
    """The videos with a verdict other than `allow` at some stage."""
    found: set[str] = set()
    for chunk in _chunks(video_ids):
        rows = tx.select(
            verdicts,
            verdicts.c.video_id.in_(chunk),
            verdicts.c.action != "allow",
            columns=[verdicts.c.video_id],
        )
        found |= {row.video_id for row in rows}
    return frozenset(found)


def _outcome(row: Row, stained: bool) -> UseOutcome:
    if row.state == "delivered" and not stained and row.reinstated_from is None:
        return UseOutcome.PROOF
    return UseOutcome.BLOCKED if row.error_code in _BLOCK_CODES else UseOutcome.NEUTRAL


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(values)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
