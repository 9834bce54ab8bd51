"""Inclusion proofs: that entries about one subject are in the audit log that a signed checkpoint covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import select

from safelight.core.errors import BadInput
from safelight.store.database import Database, Transaction
from safelight.store.hash_chain import ChainedFields, compute_commitment, hash_entry
from safelight.store.tables import audit_log, audit_log_contents

from .checkpoints import Checkpoint, CheckpointKey, CheckpointStore

#: Longest chain of one proof, in entries; checkpoints are written once a minute.
MAX_ENTRIES = 20_000


@dataclass(frozen=True, kw_only=True)
class ProvedContent:
    """The content of one entry with the salt of its commitment."""

    seq: int
    #: Hexadecimal.
    salt: str
    content: str


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """All entries from the first one about the subject to the checkpoint.

    The chain has all fields of the entries of other subjects and tenants (tenant, subject, actor, event and
    time) but not their contents, because the hash of each entry covers these fields and the hash before.
    """

    entries: tuple[ChainedFields, ...]
    contents: tuple[ProvedContent, ...]
    checkpoint: Checkpoint

    def as_json(self) -> dict[str, Any]:
        return {
            "entries": [asdict(entry) for entry in self.entries],
            "contents": [asdict(content) for content in self.contents],
            "checkpoint": msgspec.to_builtins(self.checkpoint),
        }


class InclusionProver:
    """Makes inclusion proofs with the valid checkpoints of an installation."""

    def __init__(self, database: Database, stores: Iterable[CheckpointStore], key: CheckpointKey) -> None:
        self._database = database
        found = [one for store in stores for one in store.read() if isinstance(one, Checkpoint)]
        self._checkpoints = sorted((one for one in found if key.verify(one)), key=lambda one: one.seq)

    def prove(self, tenant: str | None, subject: str, *, events: str) -> InclusionProof | None:
        """The proof for the entries of the tenant, or of the whole installation, about `subject` whose event
        begins with `events`.

        None if there is no such entry, or if no checkpoint covers the last one yet.
        """
        with self._database.across_tenants("proving entries of the log", readonly=True) as tx:
            own = [
                row
                for row in tx.select(
                    audit_log,
                    audit_log.c.tenant_id == tenant,
                    audit_log.c.subject == subject,
                    order_by=(audit_log.c.seq,),
                )
                if row.event.startswith(events)
            ]
            checkpoint = next((one for one in self._checkpoints if own and one.seq >= own[-1].seq), None)
            if checkpoint is None:
                return None
            first = own[0].seq
            if checkpoint.seq - first >= MAX_ENTRIES:
                raise BadInput(f"The proof for {subject} would have more than {MAX_ENTRIES:,} entries.")
            return InclusionProof(
                entries=_chain(tx, first, checkpoint.seq),
                contents=_contents(tx, [row.seq for row in own]),
                checkpoint=checkpoint,
            )


def verify_inclusion(proof: InclusionProof, key: CheckpointKey, *, tenant: str | None, subject: str) -> bool:
    """Whether the entries form one chain that ends at a checkpoint of this key.

    At least one content is proved, and all contents are of entries of this tenant about this subject.
    """
    if not proof.entries or not proof.contents or not key.verify(proof.checkpoint):
        return False
    previous = proof.entries[0].previous
    for number, entry in enumerate(proof.entries, proof.entries[0].seq):
        if entry.seq != number or entry.previous != previous:
            return False
        previous = hash_entry(entry)
    if (proof.entries[-1].seq, previous) != (proof.checkpoint.seq, proof.checkpoint.hash):
        return False
    own = (entry for entry in proof.entries if (entry.tenant_id, entry.subject) == (tenant, subject))
    commitments = {entry.seq: entry.commitment for entry in own}
    return all(
        compute_commitment(bytes.fromhex(one.salt), one.content.encode()) == commitments.get(one.seq)
        for one in proof.contents
    )


def _chain(tx: Transaction, first: int, last: int) -> tuple[ChainedFields, ...]:
    names = ("previous", "seq", "at", "tenant_id", "event", "subject", "actor", "commitment")
    rows = tx.select(audit_log, audit_log.c.seq.between(first, last), order_by=(audit_log.c.seq,))
    return tuple(ChainedFields(**{name: getattr(row, name) for name in names}) for row in rows)


def _contents(tx: Transaction, seqs: list[int]) -> tuple[ProvedContent, ...]:
    rows = tx.execute(
        select(audit_log_contents)
        .where(audit_log_contents.c.seq.in_(seqs), audit_log_contents.c.content.is_not(None))
        .order_by(audit_log_contents.c.seq)
    )
    return tuple(
        ProvedContent(seq=row.seq, salt=bytes(row.salt).hex(), content=bytes(row.content).decode())
        for row in rows
    )
