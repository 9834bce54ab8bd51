"""Entries of the lane of the vault officer: what waits for a decision, without its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safelight.core.ids import new_id
from safelight.core.records import Seconds, Shown
from safelight.store.database import Filter, Row, Transaction
from safelight.store.tables import cases, characters, vault_entries, videos

#: A report to an authority may not wait, and an officer has to sleep.
DUE_S = 86_400.0
OPEN = vault_entries.c.decision.is_(None)


class VaultKind(StrEnum):
    #: Suspected child abuse material, which was locked away at once.
    VAULTED = "vaulted"
    #: Sexual content of which the age was not checked.
    QUARANTINED = "quarantined"


class VaultDecision(StrEnum):
    #: The officer reported vaulted content to the authority.
    REPORTED = "reported"
    #: Quarantined content stays with the officer.
    CONFIRMED = "confirmed"
    #: It is not what it was taken for.
    DISMISSED = "dismissed"
    #: A case of the quarantined video was decided.
    BY_CASE = "by_case"


#: What an officer may decide about an entry.
DECISIONS: Mapping[VaultKind, tuple[VaultDecision, ...]] = {
    VaultKind.VAULTED: (VaultDecision.REPORTED, VaultDecision.DISMISSED),
    VaultKind.QUARANTINED: (VaultDecision.CONFIRMED, VaultDecision.DISMISSED),
}


@dataclass(frozen=True, kw_only=True)
class VaultEntry(Shown):
    id: str
    kind: VaultKind
    #: The id of the video, or of the character, which may be deleted since.
    video_id: str
    opened_at: Seconds
    due_at: Seconds
    #: None: the entry is open.
    decision: VaultDecision | None
    #: The end user, or account of a person, that may send no requests because of this entry; else None.
    stops: str | None
    note: str
    decided_by: str | None
    decided_at: Seconds | None


def find_request(tx: Transaction, video_id: str) -> Row | None:
    """The row of the video or character."""
    return tx.one(videos, video_id) or tx.one(characters, video_id)


def open_entry(tx: Transaction, video_id: str, kind: VaultKind, *, stops: str | None = None) -> None:
    """Open the entry in the transaction of the verdict, unless one is open."""
    now = tx.now()
    tx.insert_or_ignore(
        vault_entries,
        id=new_id("vault"),
        kind=kind.value,
        video_id=video_id,
        open_key=f"{kind.value}:{video_id}",
        stops=stops,
        opened_at=now,
        due_at=now + DUE_S,
    )


def close_entry(
    tx: Transaction,
    which: Filter,
    *,
    decision: VaultDecision,
    decided_by: str,
    note: str = "",
) -> bool:
    """Returns False if no such entry is open, so that only one of two officers gets True."""
    row = tx.one(vault_entries, which, OPEN, lock=True)
    if row is None:
        return False
    tx.update(
        vault_entries,
        row.id,
        open_key=None,
        stops=None if decision is VaultDecision.DISMISSED else row.stops,
        decision=decision.value,
        note=note,
        decided_by=decided_by,
        decided_at=tx.now(),
    )
    # The subject is the entry: the person who requested the video reads the entries about the video.
    content = {"kind": row.kind, "video": row.video_id, "decision": decision.value}
    tx.append_audit("vault.decided", subject=row.id, actor=decided_by, content=content)
    return True


def close_by_case(tx: Transaction, case_id: str, *, video_id: str, decided_by: str) -> None:
    """Close the entry of a quarantined video in the transaction of a decision that only an officer makes."""
    if tx.count(cases, case_id, cases.c.quarantined):
        close_entry(
            tx,
            vault_entries.c.open_key == f"{VaultKind.QUARANTINED.value}:{video_id}",
            decision=VaultDecision.BY_CASE,
            decided_by=decided_by,
        )
