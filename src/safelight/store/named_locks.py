"""Locks with a name, for limits on rows that do not exist yet."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select

from .database import Transaction


def lock_name(tx: Transaction, name: str) -> None:
    """Let other transactions that lock this name wait until the end of this one.

    SQLite has one writer at a time anyway.
    """
    if tx.is_postgres:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        tx.execute(select(func.pg_advisory_xact_lock(key)))
