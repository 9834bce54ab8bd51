"""Identifiers: a kind, a time and random digits. They sort by age and cannot be guessed."""

from __future__ import annotations

import secrets
import time

KINDS = frozenset(
    {"video", "job", "attempt", "asset", "tenant", "key", "user", "verdict", "case", "report", "decision"}
    | {
        "appeal",
        "strike",
        "statement",
        "consent",
        "protected",
        "waiver",
        "policy",
        "event",
        "seal",
        "character",
        "req",
        "log",
        "webhook",
        "lineage",
        "sketch",
        "template",
        "entry",
        "view",
        "session",
        "feedback",
        "ban",
        "access",
        "drift",
        "golden",
        "draw",
        "bulk",
        "incident",
        "halt",
        "vault",
    }
)


def new_id(kind: str) -> str:
    """A new id such as `video_0199a3f2c1d04b7e...`.

    After the kind: 12 hex digits for the time in milliseconds, and 20 random hex digits.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of id: {kind!r}")
    return f"{kind}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def is_id(text: str, kind: str) -> bool:
    """Whether `text` has the form of an id of this kind. The object itself need not exist."""
    prefix, _, rest = text.partition("_")
    return prefix == kind and len(rest) == 32 and all(c in "0123456789abcdef" for c in rest)
