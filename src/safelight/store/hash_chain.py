"""How log entries are bound to each other and to what they say. Pure; writer and verifier share it."""

from __future__ import annotations

import hashlib

from safelight import canonical_json

#: What the first entry names as its predecessor.
GENESIS = "0" * 64
#: Bytes of chance before each content, so that it cannot be guessed from its commitment.
SALT_BYTES = 16


def commitment(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


def entry_hash(
    *,
    previous: str,
    seq: int,
    at: float,
    tenant_id: str | None,
    event: str,
    subject: str,
    actor: str,
    commitment: str,
) -> str:
    """The hash of one entry: over the one before it and all that stays, so not over what it says."""
    fields = [previous, seq, repr(float(at)), tenant_id, event, subject, actor, commitment]
    return hashlib.sha256(canonical_json.encode(fields)).hexdigest()
