"""An entry of the audit log, and the result of verifying the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One entry of the audit log."""

    seq: int
    at: float
    #: The tenant of the entry. None if the entry concerns the whole installation.
    tenant: str | None
    event: str
    subject: str
    actor: str
    hash: str
    #: None if the content was erased.
    content: Mapping[str, Any] | None


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
