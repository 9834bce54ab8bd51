"""Appeals: against what, and what somebody says to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from safelight.policy.findings import Stage
from safelight.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """The video an appeal is about, and why it was blocked."""

    id: str
    stage: Stage
    category: str
    rule: str
    why: str
    quarantined: bool


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """What whoever appeals is told: its id, and until when somebody else should have looked."""

    id: str
    video_id: str
    case_id: str
    created_at: float
    due_at: float


#: The video an appeal is about, locked, if it can be appealed: `NotFound` or `Conflict` where it cannot.
Subject: TypeAlias = Callable[[Transaction, str], Blocked]
