"""The roles of processes in a fleet: which one runs a step, and which ones the live processes have.

Advisory locks of PostgreSQL show the roles of live processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from safelight.store.database import Database

from .models import VideoState

#: The numbers of the advisory locks that are held in this database.
HELD = (
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def role_of(state: VideoState, request: Mapping[str, Any]) -> str:
    """The role that runs the next step of a video: `scan` opens files from outside to judge them."""
    judges_references = state is VideoState.QUEUED and request["pending"]
    return "scan" if judges_references or state is VideoState.SCANNING else "work"


def lock_number(name: str) -> int:
    """The 64-bit number of an advisory lock."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def number_of_role(role: str) -> int:
    """The number of the lock that all processes with this role share."""
    return lock_number(f"safelight role {role}")


def missing_roles(database: Database, roles: Iterable[str]) -> list[str]:
    """Those of these roles that no live process has. On SQLite, the only process has all."""
    if database.is_sqlite:
        return []
    with database.raw_connection(readonly=True) as connection:
        held = {row[0] for row in connection.exec_driver_sql(HELD)}
    return [role for role in roles if number_of_role(role) not in held]
