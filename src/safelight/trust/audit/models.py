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
    #: None: the whole installation.
    tenant: str | None
    event: str
    subject: str
    actor: str
    hash: str
    #: None once erased.
    content: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class AuditProblem:
    """One inconsistency that verification found."""

    #: The entry; None if a checkpoint is unreadable.
    seq: int | None
    message: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """The result of verifying the whole log. `ok` only without any problem."""

    ok: bool
    entries: int
    #: Entries whose content was erased, with an entry that records the erasure.
    erased: int
    #: Number of signed checkpoints that were compared.
    checkpoints: int
    #: The last entry that a checkpoint covers; the removal of later entries is not detectable. 0: none.
    last_signed_seq: int
    problems: tuple[AuditProblem, ...]
