"""Reading the log, erasing what it says, and finding out whether anybody changed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, select

from safelight.errors import BadInput
from safelight.store.database import Database
from safelight.store.hash_chain import GENESIS, commitment, entry_hash
from safelight.store.tables import audit_log, audit_log_contents, audit_log_head
from safelight.store.transaction import Transaction

from .checkpoints import Checkpoint, CheckpointKey, Heads
from .models import AuditProblem, AuditVerification, LogEntry

#: The event that says which contents were erased. Its own content is never erased.
ERASED = "log.erased"

_SAID = (
    audit_log_contents.c.seq.label("said"),
    audit_log_contents.c.tenant_id.label("said_by"),
    audit_log_contents.c.salt,
    audit_log_contents.c.content,
)
_PAGE = 2000
#: Beyond this many the rest is only counted.
_PROBLEMS = 100


def entries(database: Database, *, after: int = 0, limit: int = 100) -> tuple[LogEntry, ...]:
    """Entries of all tenants from `after` on (exclusive), oldest first."""
    with database.across_tenants("reading the log", readonly=True) as tx:
        return tuple(_entry(row) for row in _page(tx, after, limit))


def history(tx: Transaction, subject: str) -> tuple[LogEntry, ...]:
    """What is on a tenant's record about one subject, oldest first."""
    rows = tx.execute(
        select(audit_log, *_SAID)
        .join(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
        .where(*tx.scope(audit_log), *tx.scope(audit_log_contents), audit_log.c.subject == subject)
        .order_by(audit_log.c.seq)
    )
    return tuple(_entry(row) for row in rows)


def erase(tx: Transaction, seqs: Iterable[int], *, actor: str, why: str) -> int:
    """Erase what these entries say, for good; the entries stay and the chain stays whole.

    That it was done, by whom and why goes on the record; without that, verifying reports the gap.
    """
    wanted = sorted(set(seqs))
    found = [
        row.seq for row in tx.select(audit_log, audit_log.c.seq.in_(wanted), audit_log.c.event != ERASED)
    ]
    if len(found) != len(wanted):
        raise BadInput("Only entries of this tenant can be erased, and never the record of an erasure.")
    if not wanted:
        return 0
    tx.update(audit_log_contents, audit_log_contents.c.seq.in_(wanted), salt=b"", content=None)
    tx.append_audit(ERASED, subject=f"log:{wanted[0]}", actor=actor, content={"seqs": wanted, "why": why})
    return len(wanted)


def verify(database: Database, heads: Iterable[Heads], key: CheckpointKey) -> AuditVerification:
    """Check every entry, what each says, and every head outside. Never raises for what it finds."""
    # Heads first: all of them are older than the log read after them.
    said = [head for place in heads for head in place.read()]
    with database.across_tenants("verifying the log", readonly=True) as tx:
        return _Check(key, said).run(tx)


class _Check:
    def __init__(self, key: CheckpointKey, said: list[Checkpoint | str]) -> None:
        self._problems: list[AuditProblem] = []
        self._more = 0
        self._compared = 0
        self._heads: dict[int, set[str]] = {}
        for head in said:
            if isinstance(head, str):
                self._report(None, head)
            elif not key.verify(head):
                self._report(head.seq, f"The head at entry {head.seq} is not signed by this gateway's key.")
            else:
                self._compared += 1
                self._heads.setdefault(head.seq, set()).add(head.hash)

    def run(self, tx: Transaction) -> AuditVerification:
        previous, expected, count = GENESIS, 1, 0
        gone: set[int] = set()
        excused: set[int] = set()
        while rows := _page(tx, expected - 1, _PAGE):
            for row in rows:
                count += 1
                if row.seq != expected:
                    self._missing(expected, row.seq - 1)
                elif row.previous != previous:
                    self._report(row.seq, f"Entry {row.seq} does not follow the one before it.")
                if _hash(row) != row.hash:
                    self._report(row.seq, f"Entry {row.seq} was changed after it was written.")
                self._against_heads(row)
                self._content(row, gone, excused)
                previous, expected = row.hash, row.seq + 1
        last = expected - 1
        head = tx.one(audit_log_head)
        if head is not None and (head.seq, head.hash) != (last, previous):
            self._report(
                last, f"The log ends at entry {last}, but says of itself that it ends at {head.seq}."
            )
        elif head is None and count:
            self._report(last, "The log does not say where it ends.")
        for seq in sorted(seq for seq in self._heads if seq > last):
            self._report(seq, f"A signed head vouches for entry {seq}, but the log ends at entry {last}.")
        for seq in sorted(gone - excused):
            self._report(seq, f"What entry {seq} said was erased, and nobody is on the record for it.")
        if self._more:
            self._problems.append(AuditProblem(seq=None, sentence=f"And {self._more} more problems."))
        return AuditVerification(
            ok=not self._problems,
            entries=count,
            erased=len(gone & excused),
            heads=self._compared,
            vouched=max((seq for seq in self._heads if seq <= last), default=0),
            problems=tuple(self._problems),
        )

    def _missing(self, first: int, last: int) -> None:
        which = f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
        self._report(first, f"{which} missing.")

    def _against_heads(self, row: Row[Any]) -> None:
        vouched = self._heads.get(row.seq)
        if vouched is not None and vouched != {row.hash}:
            self._report(row.seq, f"Entry {row.seq} is not the one that a signed head vouches for.")

    def _content(self, row: Row[Any], gone: set[int], excused: set[int]) -> None:
        if row.said is None:
            self._report(row.seq, f"What entry {row.seq} said was removed without a trace.")
        elif row.said_by != row.tenant_id:
            self._report(row.seq, f"What entry {row.seq} says was given to another tenant.")
        elif row.content is None:
            gone.add(row.seq)
        elif commitment(bytes(row.salt), bytes(row.content)) != row.commitment:
            self._report(row.seq, f"What entry {row.seq} says is not what was written.")
        elif row.event == ERASED:
            excused.update(msgspec.json.decode(row.content)["seqs"])

    def _report(self, seq: int | None, sentence: str) -> None:
        if len(self._problems) < _PROBLEMS:
            self._problems.append(AuditProblem(seq=seq, sentence=sentence))
        else:
            self._more += 1


def _page(tx: Transaction, after: int, limit: int) -> list[Row[Any]]:
    return list(
        tx.execute(
            select(audit_log, *_SAID)
            .outerjoin(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
            .where(audit_log.c.seq > after)
            .order_by(audit_log.c.seq)
            .limit(limit)
        )
    )


def _hash(row: Row[Any]) -> str:
    return entry_hash(
        previous=row.previous,
        seq=row.seq,
        at=row.at,
        tenant_id=row.tenant_id,
        event=row.event,
        subject=row.subject,
        actor=row.actor,
        commitment=row.commitment,
    )


def _entry(row: Row[Any]) -> LogEntry:
    content: Mapping[str, Any] | None = None if row.content is None else msgspec.json.decode(row.content)
    return LogEntry(
        seq=row.seq,
        at=row.at,
        tenant=row.tenant_id,
        event=row.event,
        subject=row.subject,
        actor=row.actor,
        hash=row.hash,
        content=content,
    )
