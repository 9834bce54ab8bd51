"""An entry of the log, and what came of checking all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    seq: int
    at: float
    #: None: the whole installation.
    tenant: str | None
    event: str
    subject: str
    actor: str
    hash: str
    #: What was said; None once erased.
    content: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class AuditProblem:
    #: The entry, or None where a file of heads is at fault.
    seq: int | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """What a check of the whole log found. `ok` only without any problem."""

    ok: bool
    entries: int
    #: Entries whose content was erased on the record.
    erased: int
    #: Signed heads that were compared.
    heads: int
    #: The last entry a head vouches for: entries after it could be cut off unseen. 0: none.
    vouched: int
    problems: tuple[AuditProblem, ...]
