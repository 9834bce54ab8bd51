"""Cases that wait for a reviewer, and the decisions on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from safelight.policy.findings import Stage
from safelight.store.transaction import Transaction


class CaseKind(StrEnum):
    #: The policy holds a video.
    HOLD = "hold"
    #: A delivered video was reported.
    REPORT = "report"
    #: The requester of a video appeals its block.
    APPEAL = "appeal"


class CaseState(StrEnum):
    OPEN = "open"
    DECIDED = "decided"
    #: Not decided in time, or the video ended otherwise.
    EXPIRED = "expired"


class DecisionAction(StrEnum):
    #: Of a hold: the video goes on, or is blocked.
    APPROVE = "approve"
    REFUSE = "refuse"
    #: Of a report: the video stays, or is withdrawn.
    KEEP = "keep"
    WITHDRAW = "withdraw"
    #: Of an appeal: the video is reinstated under a new id, or stays blocked.
    OVERTURN = "overturn"
    UPHOLD = "uphold"


#: The decisions that each kind of case allows.
ACTIONS: Mapping[CaseKind, tuple[DecisionAction, ...]] = {
    CaseKind.HOLD: (DecisionAction.APPROVE, DecisionAction.REFUSE),
    CaseKind.REPORT: (DecisionAction.KEEP, DecisionAction.WITHDRAW),
    CaseKind.APPEAL: (DecisionAction.OVERTURN, DecisionAction.UPHOLD),
}


@dataclass(frozen=True, kw_only=True)
class NewCase:
    """A case to open. Fields as in `Case`."""

    video_id: str
    kind: CaseKind
    stage: Stage
    due_at: float
    category: str = ""
    rule: str = ""
    reason: str = ""
    quarantined: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question about a video that a reviewer decides."""

    id: str
    tenant: str
    video_id: str
    kind: CaseKind
    #: The stage that held or blocked the video; of a report, `delivery`.
    stage: Stage
    #: Of a hold or an appeal: from the deciding verdict. Of a report: from the first report.
    category: str
    rule: str
    reason: str
    state: CaseState
    #: Only principals with the scope `vault` see and decide it.
    quarantined: bool
    opened_at: float
    #: A hold that is not decided by then is refused; a report or an appeal becomes overdue.
    due_at: float
    closed_at: float | None

    @property
    def actions(self) -> tuple[DecisionAction, ...]:
        """The decisions possible now: none, once it is closed."""
        return ACTIONS[self.kind] if self.state is CaseState.OPEN else ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A reviewer's decision on a case; never changed."""

    id: str
    case_id: str
    video_id: str
    action: DecisionAction
    #: For the audit log; never sent to the client.
    reason: str
    #: The rule or clause of the policy, if the reviewer named one.
    clause: str | None
    #: A person's or a key's id.
    decided_by: str
    at: float
    #: Ids of the verdicts on the video at the time of the decision.
    verdict_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """A case with everything a reviewer needs for the decision, except the pictures."""

    case: Case
    decision: Decision | None
    #: Number of reports, and the newest of them, newest first, without contacts.
    reports: int
    notes: tuple[Mapping[str, Any], ...]
    #: An open appeal that the asking principal may not decide.
    requires_other_reviewer: bool = False


@dataclass(frozen=True, kw_only=True)
class CasePage:
    #: Open cases by due time; otherwise newest first.
    cases: tuple[Case, ...]
    has_more: bool


class DecisionActions(Protocol):
    """Applies a decision to the video, in the transaction of the decision; `jobs` implements it.

    Each method may return a callable to run after the commit, and raises `Conflict` if the state of the
    video no longer allows the action.
    """

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
