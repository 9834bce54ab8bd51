"""An appeal against the block of a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.policy.findings import Stage
from safelight.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class AppealSubject:
    """The blocked video of an appeal, and why it was blocked."""

    id: str
    stage: Stage
    category: str
    rule: str
    reason: str
    quarantined: bool


class AppealState(StrEnum):
    #: It waits for a reviewer.
    WAITING = "waiting"
    #: The video was reinstated under a new id.
    OVERTURNED = "overturned"
    #: The video stays blocked.
    UPHELD = "upheld"
    #: Closed without a decision, because the video is gone.
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """The status of an appeal as its sender sees it, without the names of reviewers."""

    id: str
    video_id: str
    case_id: str
    state: AppealState
    created_at: float
    due_at: float
    #: It waits, and every known reviewer is involved in it: another reviewer has to be added.
    no_eligible_reviewer: bool


#: Finds and locks the video of an appeal. Raises `NotFound` or `Conflict` if it cannot be appealed.
AppealSubjectLookup: TypeAlias = Callable[[Transaction, str], AppealSubject]
#: Ids of all known reviewers of a tenant; with True, those with the scope `vault`.
ReviewerLookup: TypeAlias = Callable[[str, bool], frozenset[str]]
