"""Verifies that no entry of the audit log was changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from safelight.store.database import Database, Row, Transaction
from safelight.store.hash_chain import GENESIS, ChainedFields, compute_commitment, hash_entry
from safelight.store.rows import read_record
from safelight.store.tables import audit_log_head

from .checkpoints import Checkpoint, CheckpointKey, CheckpointStore
from .entries import ERASED, _page

_ROWS_PER_PAGE = 2000
#: Maximum number of problems in a result. Further problems are only counted.
_MAX_PROBLEMS = 100


@dataclass(frozen=True, kw_only=True)
class AuditProblem:
    """An inconsistency that the verification found."""

    #: Number of the affected entry. None if a checkpoint is unreadable.
    seq: int | None
    message: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """The result of verifying the whole log. `ok` is true only if no problem was found."""

    ok: bool
    entries: int
    #: Number of entries whose content was erased and whose erasure is recorded in another entry.
    erased: int
    #: Number of validly signed checkpoints that were compared with the log.
    checkpoints: int
    #: Number of the last entry that a signed checkpoint covers; 0 if there is none. The removal of later
    #: entries cannot be detected.
    last_signed_seq: int
    problems: tuple[AuditProblem, ...]


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

    def _check_entry(self, row: Row, expected: int, previous: str) -> None:
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

    def _check_content(self, row: Row) -> None:
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


def _hash(row: Row) -> str:
    return hash_entry(read_record(ChainedFields, row))
