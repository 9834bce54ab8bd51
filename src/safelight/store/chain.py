"""How log entries are bound to each other and to what they say. Pure; writer and verifier share it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

#: What the first entry names as its predecessor.
GENESIS = "0" * 64
#: Bytes of chance before each content, so that it cannot be guessed from its commitment.
SALT_BYTES = 16


def canonical(content: Any) -> bytes:
    """The one JSON form of a value: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(content, order="sorted")


def commitment(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


def entry_hash(entry: Mapping[str, Any]) -> str:
    """The hash of one entry over everything that stays: all but what was said, and the one before it."""
    fields = [
        entry["previous"],
        entry["seq"],
        repr(float(entry["at"])),
        entry["tenant_id"],
        entry["event"],
        entry["subject"],
        entry["actor"],
        entry["commitment"],
    ]
    return hashlib.sha256(canonical(fields)).hexdigest()
