"""The library of proven prompts: prompts whose videos were delivered with the verdict `allow`."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Row, select

from safelight.accounts import KeyScope, Principal
from safelight.core.envelopes import whole_seconds
from safelight.core.errors import BadInput, CheckLimitExceeded, Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder, cosines, embed
from safelight.store.database import Database, Transaction
from safelight.store.pages import Page
from safelight.store.tables import (
    library_entries,
    library_terms,
    library_uses,
    verdicts,
    video_lineage,
    videos,
)

# Entries of the library, their uses and their status.

MAX_CATEGORY_CHARACTERS = 40
MAX_NOTES_CHARACTERS = 1_000
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: NUL, and halves of surrogate pairs, which no database stores as text.
NOT_STORABLE = re.compile(r"[\x00\ud800-\udfff]")
_RUN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
#: A longer word is no word of a language; the limit keeps index rows small.
_MAX_TERM_CHARACTERS = 64
#: Cosine from which an entry is found by its meaning alone. On a set of 80 searches over 150 prompts, three
#: quarters find what they mean, beside 6 entries in the middle (docs/benchmarks/library.md).
MIN_MEANING = 0.1
#: A provider's filter may refuse once by chance; two blocks in a row are a reason to look again.
MAX_BLOCKED_USES = 2
#: SQLite allows more; PostgreSQL plans long lists slowly.
_CHUNK = 500
#: The search finds a longer prompt by its beginning; each character can be two rows of the index.
MAX_INDEXED_CHARACTERS = 2_000
_BLOCK_CODES = frozenset({"sentinel_block", "moderation_blocked"})
MAX_RESULTS = 200
#: Each entry of an import is one check, which takes up to a second.
MAX_IMPORTED_ENTRIES = 200
_ALLOWED = "allow"


class EntryStatus(StrEnum):
    """Whether an entry can still be relied on, and why not."""

    PROVEN = "proven"
    #: No video of this installation has proven the prompt, because the entry was imported.
    UNPROVEN = "unproven"
    #: Since the last delivered video, two videos with this prompt were blocked.
    FAILED_USES = "failed_uses"
    #: The model of the last delivered video is not offered any more; usually a new version replaced it.
    NEW_MODEL = "new_model"

    @property
    def needs_validation(self) -> bool:
        return self is not EntryStatus.PROVEN


class UseOutcome(StrEnum):
    """What one video with the prompt of an entry shows about it."""

    #: Delivered with the verdict `allow` at every stage.
    PROOF = "proof"
    #: Blocked by our policy or by the provider.
    BLOCKED = "blocked"
    #: Not finished, failed for another reason, delivered with a label or after a review, or withdrawn.
    NEUTRAL = "neutral"


@dataclass(frozen=True, kw_only=True)
class EntryUse:
    """One video that was requested with the prompt of an entry."""

    video_id: str
    created_at: float
    model: str
    outcome: UseOutcome


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """A video whose prompt is to be added."""

    video_id: str
    category: str
    notes: str = ""
    #: The id of the entry that this prompt is a variation of.
    variation_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportedEntry:
    """A prompt from another installation. It is checked like a new prompt."""

    prompt: str
    category: str
    notes: str = ""


class ImportOutcome(StrEnum):
    ADDED = "added"
    #: The library has the prompt already.
    KNOWN = "known"
    #: The check did not give the verdict `allow`.
    REFUSED = "refused"
    #: A field is not valid.
    INVALID = "invalid"
    #: The check limit was reached before; import the same file again later.
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, kw_only=True)
class EntryImport:
    """What became of one entry of an import."""

    #: Its position in the import, from 1.
    number: int
    outcome: ImportOutcome
    #: The verdict, or the problem.
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class LibraryEntry:
    id: str
    #: The delivered video that proved the prompt first; None for an import.
    video_id: str | None
    prompt: str
    category: str
    notes: str
    variation_of: str | None
    created_at: float
    created_by: str
    status: EntryStatus
    #: The model and the time of the last proof; None without one.
    model: str | None
    proven_at: float | None
    #: The video of the last proof.
    last_video_id: str | None
    #: Number of videos with this prompt that were delivered, and that were blocked.
    proofs: int
    blocks: int


@dataclass(frozen=True, kw_only=True)
class EntryQuery:
    """A search. Without words, all entries match, the newest first."""

    words: str = ""
    category: str | None = None
    #: Only entries that need to be validated again.
    needs_validation: bool = False
    #: The id of the last entry of the previous page.
    after: str | None = None
    limit: int = 50


def validate_category(text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_CATEGORY_CHARACTERS or _CONTROL_CHARACTER.search(text):
        raise InvalidField(
            f"The category must be one line of 1 to {MAX_CATEGORY_CHARACTERS} characters.", param="category"
        )
    return text


def validate_notes(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_NOTES_CHARACTERS or NOT_STORABLE.search(text):
        raise InvalidField(f"The notes may have {MAX_NOTES_CHARACTERS} characters.", param="notes")
    return text


# Words of a text for the search: words of languages with spaces, and pairs of Chinese characters. Pure.


def index_terms(text: str) -> frozenset[str]:
    """The terms under which a text is found. Chinese text has single characters and pairs."""
    found: set[str] = set()
    for run in _runs(text):
        if _WITHOUT_SPACES.match(run):
            found.update(run)
            found.update(_pairs(run))
        else:
            found.add(run[:_MAX_TERM_CHARACTERS])
    return frozenset(found)


def query_terms(text: str) -> frozenset[str]:
    """The terms of a query; each is among the index terms of every text that contains the query."""
    found: set[str] = set()
    for run in _runs(text):
        if _WITHOUT_SPACES.match(run):
            found.update(_pairs(run) if len(run) > 1 else run)
        else:
            found.add(run[:_MAX_TERM_CHARACTERS])
    return frozenset(found)


def rank(found: Mapping[str, frozenset[str]], entries: int) -> dict[str, float]:
    """Points of each entry: rare terms count more. `found` has the entries of each term of the query."""
    points: dict[str, float] = {}
    for holders in found.values():
        weight = math.log1p(entries / max(len(holders), 1))
        for entry in holders:
            points[entry] = points.get(entry, 0.0) + weight
    return points


def order_found(
    found: Mapping[str, frozenset[str]], entries: int, meanings: Mapping[str, float]
) -> dict[str, tuple[int, float]]:
    """The place of each entry that a search finds: those with every word of the query, those that mean the
    same, the nearest first, and those with a part of the words.
    """
    points = rank(found, entries)
    whole = frozenset.intersection(*found.values())
    return {
        entry: (0, -points[entry])
        if entry in whole
        else (1, -meanings[entry])
        if meanings.get(entry, 0.0) >= MIN_MEANING
        else (2, -points[entry])
        for entry in points.keys() | {one for one, near in meanings.items() if near >= MIN_MEANING}
    }


def _runs(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _RUN.findall("".join(SIMPLIFIED.get(character, character) for character in folded))


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)]


# Entries of the library as JSON, for the API, the command line and files.


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


# The status of an entry, from its uses. Pure.


def find_status(uses: Iterable[EntryUse], offered_models: Collection[str]) -> EntryStatus:
    """The status. Uses are ordered by their time, whatever the order in which they are given."""
    proof, blocked = None, 0
    for use in sorted(uses, key=lambda one: (one.created_at, one.video_id)):
        if use.outcome is UseOutcome.PROOF:
            proof, blocked = use, 0
        elif use.outcome is UseOutcome.BLOCKED:
            blocked += 1
    if blocked >= MAX_BLOCKED_USES:
        return EntryStatus.FAILED_USES
    if proof is None:
        return EntryStatus.UNPROVEN
    # A generator without a list of models leaves the choice to its server.
    return EntryStatus.PROVEN if not proof.model or proof.model in offered_models else EntryStatus.NEW_MODEL


def last_proof(uses: Iterable[EntryUse]) -> EntryUse | None:
    proofs = (use for use in uses if use.outcome is UseOutcome.PROOF)
    return max(proofs, key=lambda one: (one.created_at, one.video_id), default=None)


# Reads and writes entries of the library, their search terms and their uses.


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
    tx.delete(library_entries, library_entries.c.id == identity)


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


def is_proof(tx: Transaction, row: Row[Any]) -> bool:
    """Whether a video was delivered, and allowed at every stage without a label or a reviewer."""
    return _outcome(row, bool(_not_allowed(tx, [row.id]))) is UseOutcome.PROOF


def is_prompt_alone(tx: Transaction, row: Row[Any]) -> bool:
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


def entry_from_row(row: Row[Any], uses: list[EntryUse], offered_models: Collection[str]) -> LibraryEntry:
    proof = last_proof(uses)
    return LibraryEntry(
        id=row.id,
        video_id=row.video_id,
        prompt=row.prompt,
        category=row.category,
        notes=row.notes,
        variation_of=row.variation_of,
        created_at=row.created_at,
        created_by=row.created_by,
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


def _outcome(row: Row[Any], stained: bool) -> UseOutcome:
    if row.state == "delivered" and not stained and row.reinstated_from is None:
        return UseOutcome.PROOF
    return UseOutcome.BLOCKED if row.error_code in _BLOCK_CODES else UseOutcome.NEUTRAL


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(values)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))


# Adds, searches, removes, imports and exports proven prompts. Every change is in the audit log.


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
            row = tx.one(videos, videos.c.id == new.video_id)
        meaning = self._embed(row.prompt) if row else b""
        with self._database.transaction(principal.tenant) as tx:
            # A withdrawal locks the same row, so it removes this entry or is seen here.
            row = tx.one(videos, videos.c.id == new.video_id, lock=True)
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


def _find(tx: Transaction, identity: str, *, param: str = "entry") -> Row[Any]:
    row = tx.one(library_entries, library_entries.c.id == identity)
    if row is None:
        raise NotFound(
            f"There is no library entry {identity[:80]!r}.", param=param, remedy="See: safelight library list"
        )
    return row
