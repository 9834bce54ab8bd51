"""Adds, searches, removes, imports and exports proven prompts. Every change is in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import BadInput, CheckLimitExceeded, Conflict, InvalidField, NotFound
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder, cosines, embed
from safelight.store.database import Database, Row, Transaction
from safelight.store.pages import Page
from safelight.store.tables import library_entries, library_uses, videos

from .entries import (
    EntryImport,
    EntryQuery,
    ImportedEntry,
    ImportOutcome,
    LibraryEntry,
    NewEntry,
    validate_category,
    validate_notes,
)
from .rows import (
    MAX_INDEXED_CHARACTERS,
    delete_entry,
    entry_from_row,
    find_holders,
    hash_prompt,
    insert_entry,
    is_prompt_alone,
    is_proof,
    read_uses,
)
from .search_terms import order_found, query_terms

MAX_RESULTS = 200
#: Each entry of an import is one check, which takes up to a second.
MAX_IMPORTED_ENTRIES = 200
_ALLOWED = "allow"


class Library:
    """The proven prompts of a tenant."""

    def __init__(
        self,
        database: Database,
        *,
        check: Callable[[Principal, str], str],
        offered_models: Callable[[], Collection[str]],
        embedder: Embedder | None = None,
    ) -> None:
        """`check` returns the verdict on a prompt and counts as one check of the principal. Without an
        embedder entries are found by their words only.
        """
        self._database = database
        self._check = check
        self._offered_models = offered_models
        self._embedder = embedder

    def add(self, principal: Principal, new: NewEntry) -> LibraryEntry:
        """Add the prompt of a delivered video with the verdict `allow`.

        Raises `NotFound`, and `Conflict` for any other video and for a prompt that the library has.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        category, notes = validate_category(new.category), validate_notes(new.notes)
        with self._database.read_transaction(principal.tenant) as tx:
            row = tx.one(videos, new.video_id)
        meaning = self._embed(row.prompt) if row else b""
        with self._database.transaction(principal.tenant) as tx:
            # A withdrawal locks the same row, so it removes this entry or is seen here.
            row = tx.one(videos, new.video_id, lock=True)
            if row is None or row.deleted_at is not None:
                raise NotFound(f"There is no video {new.video_id[:80]!r}.", param="video_id")
            if not is_proof(tx, row):
                raise Conflict(
                    "Only the prompt of a delivered video with the verdict allow can be added.",
                    param="video_id",
                )
            if not is_prompt_alone(tx, row):
                raise Conflict(
                    "A video with a source, a reference or a character: its prompt proves nothing alone.",
                    param="video_id",
                )
            if new.variation_of is not None:
                _find(tx, new.variation_of, param="variation_of")
            identity = insert_entry(
                tx,
                prompt=row.prompt,
                category=category,
                notes=notes,
                meaning=meaning,
                video_id=row.id,
                variation_of=new.variation_of,
                created_by=principal.id,
            )
            if identity is None:
                raise Conflict("The library has this prompt already.", param="video_id")
            tx.insert(library_uses, entry_id=identity, video_id=row.id)
            content = {"video": row.id, "category": category}
            tx.append_audit("library.added", subject=identity, actor=principal.id, content=content)
            uses = read_uses(tx, [identity])[identity]
            return entry_from_row(_find(tx, identity), uses, self._offered_models())

    def get(self, principal: Principal, identity: str) -> LibraryEntry:
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            row = _find(tx, identity)
            uses = read_uses(tx, [identity])[identity]
        return entry_from_row(row, uses, self._offered_models())

    def search(self, principal: Principal, query: EntryQuery) -> Page[LibraryEntry]:
        """The entries that fit best; without words, the newest first.

        Raises `NotFound` if the last entry of the previous page does not fit any more.
        """
        found, limit = self._find_all(principal, query), max(1, min(query.limit, MAX_RESULTS))
        start = 0
        if query.after is not None:
            places = [place for place, entry in enumerate(found, start=1) if entry.id == query.after]
            if not places:
                raise NotFound(f"No entry {query.after[:80]!r} fits the search.", param="after")
            start = places[0]
        return Page.first(found[start:], limit)

    def export(self, principal: Principal) -> tuple[LibraryEntry, ...]:
        """All entries, the newest first."""
        return self._find_all(principal, EntryQuery())

    def _find_all(self, principal: Principal, query: EntryQuery) -> tuple[LibraryEntry, ...]:
        principal.require(KeyScope.VIDEOS_READ)
        wanted, columns = [], library_entries.c
        terms = query_terms(query.words)
        if query.words.strip() and not terms:
            return ()
        if query.category:
            wanted.append(columns.category == query.category)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(library_entries, *wanted, order_by=(columns.created_at.desc(), columns.id))
            if terms:
                near = cosines([self._embed(query.words)], [row.meaning for row in rows])
                meanings = dict(zip((row.id for row in rows), near[0].tolist(), strict=True))
                places = order_found(find_holders(tx, terms), tx.count(library_entries), meanings)
                rows = sorted((row for row in rows if row.id in places), key=lambda row: places[row.id])
            uses = read_uses(tx, [row.id for row in rows])
        offered = self._offered_models()
        found = (entry_from_row(row, uses[row.id], offered) for row in rows)
        return tuple(one for one in found if one.status.needs_validation or not query.needs_validation)

    def _embed(self, text: str) -> bytes:
        return embed(normalize_text(text[:MAX_INDEXED_CHARACTERS]), self._embedder)

    def categories(self, principal: Principal) -> tuple[str, ...]:
        """The categories that entries have, in alphabetical order."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(library_entries, columns=[library_entries.c.category])
        return tuple(sorted({row.category for row in rows}))

    def variations(self, principal: Principal, identity: str) -> tuple[LibraryEntry, ...]:
        """The entries that are variations of an entry, oldest first."""
        principal.require(KeyScope.VIDEOS_READ)
        columns = library_entries.c
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                library_entries,
                columns.variation_of == identity,
                order_by=(columns.created_at, columns.id),
            )
            uses = read_uses(tx, [row.id for row in rows])
        offered = self._offered_models()
        return tuple(entry_from_row(row, uses[row.id], offered) for row in rows)

    def remove(self, principal: Principal, identity: str) -> None:
        """Remove an entry. Its videos stay."""
        principal.require(KeyScope.VIDEOS_WRITE)
        with self._database.transaction(principal.tenant) as tx:
            row = _find(tx, identity)
            delete_entry(tx, row.id)
            content = {"video": row.video_id, "category": row.category}
            tx.append_audit("library.removed", subject=row.id, actor=principal.id, content=content)

    def import_entries(
        self, principal: Principal, entries: Sequence[ImportedEntry]
    ) -> tuple[EntryImport, ...]:
        """Check each prompt like a new one and add those with the verdict `allow`, as unproven.

        When the check limit is reached, the rest is reported as not checked.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        if not 1 <= len(entries) <= MAX_IMPORTED_ENTRIES:
            raise InvalidField(f"Import 1 to {MAX_IMPORTED_ENTRIES} entries at a time.", param="entries")
        results: list[EntryImport] = []
        exhausted = False
        for number, entry in enumerate(entries, start=1):
            outcome, reason = ImportOutcome.NOT_CHECKED, ""
            if not exhausted:
                try:
                    outcome, reason = self._import_one(principal, entry)
                except CheckLimitExceeded as error:
                    exhausted, reason = True, str(error)
                except BadInput as error:
                    outcome, reason = ImportOutcome.INVALID, str(error)
            results.append(EntryImport(number=number, outcome=outcome, reason=reason))
        return tuple(results)

    def _import_one(self, principal: Principal, entry: ImportedEntry) -> tuple[ImportOutcome, str]:
        category, notes = validate_category(entry.category), validate_notes(entry.notes)
        with self._database.read_transaction(principal.tenant) as tx:
            if tx.count(library_entries, library_entries.c.prompt_sha256 == hash_prompt(entry.prompt)):
                return ImportOutcome.KNOWN, ""
        verdict = self._check(principal, entry.prompt)
        if verdict != _ALLOWED:
            return ImportOutcome.REFUSED, verdict
        meaning = self._embed(entry.prompt)
        with self._database.transaction(principal.tenant) as tx:
            identity = insert_entry(
                tx,
                prompt=entry.prompt,
                category=category,
                notes=notes,
                meaning=meaning,
                created_by=principal.id,
            )
            if identity is None:
                return ImportOutcome.KNOWN, ""
            content = {"category": category}
            tx.append_audit("library.imported", subject=identity, actor=principal.id, content=content)
        return ImportOutcome.ADDED, verdict


def _find(tx: Transaction, identity: str, *, param: str = "entry") -> Row:
    row = tx.one(library_entries, identity)
    if row is None:
        raise NotFound(
            f"There is no library entry {identity[:80]!r}.", param=param, remedy="See: safelight library list"
        )
    return row
