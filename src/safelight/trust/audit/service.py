"""Reads the audit log, erases contents of entries, and verifies that no entry was changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, or_, select

from safelight.errors import BadInput
from safelight.store.database import Database
from safelight.store.hash_chain import GENESIS, ChainedFields, compute_commitment, hash_entry
from safelight.store.tables import api_keys, audit_log, audit_log_contents, audit_log_head, cases, people
from safelight.store.transaction import Transaction

from .checkpoints import Checkpoint, CheckpointKey, CheckpointStore
from .models import AuditProblem, AuditVerification, LogEntry

#: The event of an entry that records an erasure. The content of such an entry is never erased.
ERASED = "log.erased"

_CONTENT = (
    audit_log_contents.c.seq.label("content_seq"),
    audit_log_contents.c.tenant_id.label("content_tenant"),
    audit_log_contents.c.salt,
    audit_log_contents.c.content,
)
_ROWS_PER_PAGE = 2000
#: Maximum number of problems in a result. Further problems are only counted.
_MAX_PROBLEMS = 100


def read_entries(
    database: Database,
    *,
    after: int = 0,
    limit: int = 100,
    newest: bool = False,
    person: str = "",
    case: str = "",
    event: str = "",
) -> tuple[LogEntry, ...]:
    """Entries of all tenants with a `seq` greater than `after`, oldest first, at most `limit`: the first, or
    with `newest` the last ones.

    `person`: the id, the e-mail address or the name of the person or key that acted or is concerned. `case`:
    the entries that name this case. All given conditions must hold.
    """
    where = [audit_log.c.event == event] if event else []
    with database.across_tenants("reading the log", readonly=True) as tx:
        if person:
            ids = _find_ids(tx, person)
            where.append(or_(audit_log.c.actor.in_(ids), audit_log.c.subject.in_(ids)))
        if not case:
            return tuple(_entry(row) for row in _page(tx, after, limit, *where, newest=newest))
        # The case stands in the content of most entries, which are about its video.
        videos = [row.video_id for row in tx.select(cases, cases.c.id == case, columns=[cases.c.video_id])]
        where.append(audit_log.c.subject.in_([case, *videos]))
        rows = _page(tx, after, None, *where, newest=newest)
        found = [
            entry for entry in map(_entry, rows) if case in (entry.subject, (entry.content or {}).get("case"))
        ]
    return tuple(found[-limit:] if newest else found[:limit])


def _find_ids(tx: Transaction, person: str) -> list[str]:
    wanted = person.strip()
    people_found = tx.select(
        people, or_(people.c.email == wanted.lower(), people.c.name == wanted), columns=[people.c.id]
    )
    keys_found = tx.select(api_keys, api_keys.c.name == wanted, columns=[api_keys.c.id])
    return [wanted, *(row.id for row in (*people_found, *keys_found))]


def read_history(tx: Transaction, subject: str) -> tuple[LogEntry, ...]:
    """The entries of the current tenant about one subject, oldest first."""
    rows = tx.execute(
        select(audit_log, *_CONTENT)
        .join(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
        .where(
            *tx.tenant_condition(audit_log),
            *tx.tenant_condition(audit_log_contents),
            audit_log.c.subject == subject,
        )
        .order_by(audit_log.c.seq)
    )
    return tuple(_entry(row) for row in rows)


def erase_contents(tx: Transaction, seqs: Iterable[int], *, actor: str, reason: str) -> int:
    """Erase the contents of these entries permanently. Returns the number of erased contents.

    The entries themselves stay, so the hash chain stays valid. A new entry records the erasure; without this
    record, `verify` would report the missing contents.
    """
    wanted = sorted(set(seqs))
    found = [
        row.seq for row in tx.select(audit_log, audit_log.c.seq.in_(wanted), audit_log.c.event != ERASED)
    ]
    if len(found) != len(wanted):
        raise BadInput("Contents of other tenants, and of entries that record an erasure, cannot be erased.")
    if not wanted:
        return 0
    tx.update(audit_log_contents, audit_log_contents.c.seq.in_(wanted), salt=b"", content=None)
    tx.append_audit(
        ERASED, subject=f"log:{wanted[0]}", actor=actor, content={"seqs": wanted, "reason": reason}
    )
    return len(wanted)


def verify(database: Database, stores: Iterable[CheckpointStore], key: CheckpointKey) -> AuditVerification:
    """Verify every entry, its content and every checkpoint. Problems are returned, never raised."""
    # Checkpoints are read before the log, so that the log already has every entry that a checkpoint covers.
    checkpoints = [checkpoint for store in stores for checkpoint in store.read()]
    with database.across_tenants("verifying the log", readonly=True) as tx:
        return _Verification(key, checkpoints).run(tx)


class _Verification:
    """One verification of the whole log."""

    def __init__(self, key: CheckpointKey, checkpoints: list[Checkpoint | str]) -> None:
        self._problems: list[AuditProblem] = []
        self._uncollected = 0
        self._compared = 0
        self._hashes: dict[int, set[str]] = {}
        #: Numbers of the entries without content, and of the entries that a recorded erasure names.
        self._erased: set[int] = set()
        self._recorded_erasures: set[int] = set()
        for checkpoint in checkpoints:
            if isinstance(checkpoint, str):
                self._report(None, checkpoint)
            elif not key.verify(checkpoint):
                self._report(
                    checkpoint.seq,
                    f"The checkpoint of entry {checkpoint.seq} is not signed by the key of this gateway.",
                )
            else:
                self._compared += 1
                self._hashes.setdefault(checkpoint.seq, set()).add(checkpoint.hash)

    def run(self, tx: Transaction) -> AuditVerification:
        previous, expected, count = GENESIS, 1, 0
        while rows := _page(tx, expected - 1, _ROWS_PER_PAGE):
            for row in rows:
                count += 1
                self._check_entry(row, expected, previous)
                previous, expected = row.hash, row.seq + 1
        last = expected - 1
        self._check_end(tx, last, previous, is_empty=not count)
        for seq in sorted(self._erased - self._recorded_erasures):
            self._report(seq, f"The content of entry {seq} was erased, and no entry records the erasure.")
        if self._uncollected:
            message = f"There are {self._uncollected} more problems."
            self._problems.append(AuditProblem(seq=None, message=message))
        return AuditVerification(
            ok=not self._problems,
            entries=count,
            erased=len(self._erased & self._recorded_erasures),
            checkpoints=self._compared,
            last_signed_seq=max((seq for seq in self._hashes if seq <= last), default=0),
            problems=tuple(self._problems),
        )

    def _check_entry(self, row: Row[Any], expected: int, previous: str) -> None:
        if row.seq != expected:
            self._report_missing(expected, row.seq - 1)
        elif row.previous != previous:
            self._report(
                row.seq,
                f"Entry {row.seq} does not follow the entry before it in the hash chain.",
            )
        if _hash(row) != row.hash:
            self._report(row.seq, f"Entry {row.seq} was changed after it was written.")
        hashes = self._hashes.get(row.seq)
        if hashes is not None and hashes != {row.hash}:
            self._report(row.seq, f"Entry {row.seq} differs from its signed checkpoint.")
        self._check_content(row)

    def _check_content(self, row: Row[Any]) -> None:
        if row.content_seq is None:
            self._report(row.seq, f"The content row of entry {row.seq} is missing.")
        elif row.content_tenant != row.tenant_id:
            self._report(row.seq, f"The content of entry {row.seq} was assigned to another tenant.")
        elif row.content is None:
            self._erased.add(row.seq)
        elif compute_commitment(bytes(row.salt), bytes(row.content)) != row.commitment:
            self._report(row.seq, f"The content of entry {row.seq} was changed after it was written.")
        elif row.event == ERASED:
            self._recorded_erasures.update(msgspec.json.decode(row.content)["seqs"])

    def _check_end(self, tx: Transaction, last: int, last_hash: str, *, is_empty: bool) -> None:
        head = tx.one(audit_log_head)
        if head is None:
            if not is_empty:
                self._report(last, "The table audit_log_head, which records the last entry, is empty.")
        elif (head.seq, head.hash) != (last, last_hash):
            self._report(
                last,
                f"The log ends at entry {last}, but audit_log_head records entry {head.seq} as the last.",
            )
        for seq in sorted(seq for seq in self._hashes if seq > last):
            self._report(seq, f"A signed checkpoint covers entry {seq}, but the log ends at entry {last}.")

    def _report_missing(self, first: int, last: int) -> None:
        entries = f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
        self._report(first, f"{entries} missing.")

    def _report(self, seq: int | None, message: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(AuditProblem(seq=seq, message=message))
        else:
            self._uncollected += 1


def _page(
    tx: Transaction, after: int, limit: int | None, *where: ColumnElement[bool], newest: bool = False
) -> list[Row[Any]]:
    rows = list(
        tx.execute(
            select(audit_log, *_CONTENT)
            .outerjoin(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
            .where(audit_log.c.seq > after, *where)
            .order_by(audit_log.c.seq.desc() if newest else audit_log.c.seq)
            .limit(limit)
        )
    )
    return rows[::-1] if newest else rows


def _hash(row: Row[Any]) -> str:
    return hash_entry(
        ChainedFields(
            previous=row.previous,
            seq=row.seq,
            at=row.at,
            tenant_id=row.tenant_id,
            event=row.event,
            subject=row.subject,
            actor=row.actor,
            commitment=row.commitment,
        )
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
