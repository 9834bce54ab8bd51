"""Entries of the library, their uses and the status that follows from these. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from safelight.core.errors import InvalidField

MAX_CATEGORY_CHARACTERS = 40
MAX_NOTES_CHARACTERS = 1_000
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: NUL, and halves of surrogate pairs, which no database stores as text.
NOT_STORABLE = re.compile(r"[\x00\ud800-\udfff]")
#: A provider's filter may refuse once by chance; two blocks in a row are a reason to look again.
MAX_BLOCKED_USES = 2


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
