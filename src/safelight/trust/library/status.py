"""The status of an entry, from its uses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .models import EntryStatus, EntryUse, UseOutcome

#: A provider's filter may refuse once by chance; two blocks in a row are a reason to look again.
MAX_BLOCKED_USES = 2


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
