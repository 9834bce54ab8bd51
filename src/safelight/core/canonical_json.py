"""Canonical JSON: one form of a value, so that equal values have equal bytes and equal hashes.

There are two forms. They must not be merged, because stored hashes depend on the bytes of each: `encode`
writes 1e-7 and rejects half of a surrogate pair, `document_text` writes 1e-07 and accepts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec


def encode(value: Any, *, enc_hook: Callable[[Any], Any] | None = None) -> bytes:
    """Sorted keys, no spaces, UTF-8. For the audit log, database columns, and idempotency and cache keys.

    `enc_hook` converts a value of a type that JSON does not have. Raises `UnicodeEncodeError` if a text has
    half of a surrogate pair.
    """
    return msgspec.json.encode(value, order="sorted", enc_hook=enc_hook)


def document_text(document: Mapping[str, Any]) -> str:
    """Sorted keys, no spaces, numbers as in Python. For policy documents and the fields of a request."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
