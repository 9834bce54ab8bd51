"""Appeals: against what, and what somebody says to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.policy.findings import Stage
from safelight.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class AppealSubject:
    """The video an appeal is about, and why it was blocked."""

    id: str
    stage: Stage
    category: str
    rule: str
    reason: str
    quarantined: bool


class AppealState(StrEnum):
    #: Somebody who may decide it has yet to look.
    WAITING = "waiting"
    #: The video was released under a new id.
    OVERTURNED = "overturned"
    #: The video stays blocked.
    UPHELD = "upheld"
    #: Closed without a decision, because the video is gone.
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """What whoever appeals is told, and nobody's name: where it stands, and until when somebody else should
    have looked."""

    id: str
    video_id: str
    case_id: str
    state: AppealState
    created_at: float
    due_at: float
    #: It waits, and nobody who is known here may decide it: somebody has to be enrolled.
    nobody_else: bool


#: The video an appeal is about, locked, if it can be appealed: `NotFound` or `Conflict` where it cannot.
Subject: TypeAlias = Callable[[Transaction, str], AppealSubject]
#: Ids of everybody known who may decide cases of a tenant; with True, those of the vault officer.
Deciders: TypeAlias = Callable[[str, bool], frozenset[str]]
