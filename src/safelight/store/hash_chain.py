"""The hash chain of the audit log: pure functions shared by the writer and the verifier."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from safelight.core import canonical_json

#: Value for the previous hash of the first entry.
GENESIS = "0" * 64
#: Number of random bytes that are hashed before each content, so that the content cannot be guessed from its
#: commitment.
SALT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class ChainedFields:
    """The fields of an audit entry that its hash covers.

    The hash covers the content indirectly, through the commitment.
    """

    #: The hash of the previous entry.
    previous: str
    seq: int
    at: float
    tenant_id: str | None
    event: str
    subject: str
    actor: str
    commitment: str


def compute_commitment(salt: bytes, content: bytes) -> str:
    """Compute the commitment: a hash that proves the content without revealing it."""
    return hashlib.sha256(salt + content).hexdigest()


def hash_entry(entry: ChainedFields) -> str:
    """Compute the hash of one entry. It stays valid after the content is erased."""
    fields = [
        entry.previous,
        entry.seq,
        repr(float(entry.at)),
        entry.tenant_id,
        entry.event,
        entry.subject,
        entry.actor,
        entry.commitment,
    ]
    return hashlib.sha256(canonical_json.encode(fields)).hexdigest()
