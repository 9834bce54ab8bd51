"""Cases that wait for a person, and what was decided."""

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
    #: Somebody reported a delivered one.
    REPORT = "report"
    #: Whoever ordered a video disagrees with its block.
    APPEAL = "appeal"


class CaseState(StrEnum):
    OPEN = "open"
    DECIDED = "decided"
    #: Nobody decided in time, or the video ended otherwise.
    EXPIRED = "expired"


class DecisionAction(StrEnum):
    #: Of a hold: let it through, or not.
    APPROVE = "approve"
    REFUSE = "refuse"
    #: Of a report: leave the video where it is, or take it back.
    KEEP = "keep"
    WITHDRAW = "withdraw"
    #: Of an appeal: release the video under a new id, or leave it blocked.
    OVERTURN = "overturn"
    UPHOLD = "uphold"


#: What may be decided of which kind of case.
ACTIONS: Mapping[CaseKind, tuple[DecisionAction, ...]] = {
    CaseKind.HOLD: (DecisionAction.APPROVE, DecisionAction.REFUSE),
    CaseKind.REPORT: (DecisionAction.KEEP, DecisionAction.WITHDRAW),
    CaseKind.APPEAL: (DecisionAction.OVERTURN, DecisionAction.UPHOLD),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    id: str
    tenant: str
    video_id: str
    kind: CaseKind
    #: Where the video was held or blocked; of a report, `delivery`.
    stage: Stage
    #: Of a hold or an appeal the deciding category, rule and sentence; of a report what was reported first.
    category: str
    rule: str
    reason: str
    state: CaseState
    #: Seen and decided by the vault officer only.
    quarantined: bool
    opened_at: float
    #: A hold nobody decided by then is refused; a report or an appeal is merely late.
    due_at: float
    closed_at: float | None

    @property
    def actions(self) -> tuple[DecisionAction, ...]:
        """What may be decided now: nothing, once it is closed."""
        return ACTIONS[self.kind] if self.state is CaseState.OPEN else ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Made once and never changed."""

    id: str
    case_id: str
    video_id: str
    action: DecisionAction
    #: For the record; never told on the wire.
    reason: str
    #: The rule or clause of the policy it rests on, where the person named one.
    clause: str | None
    #: A person's or a key's id.
    decided_by: str
    at: float
    #: Ids of the verdicts that were on record and so have been looked at.
    verdict_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """A case with everything a person decides on, without pixels."""

    case: Case
    decision: Decision | None
    #: How many reports it joins, and the newest of them, newest first, without contacts.
    reports: int
    notes: tuple[Mapping[str, Any], ...]
    #: An open appeal that whoever asks may not decide: it waits for somebody else.
    others_only: bool = False


@dataclass(frozen=True, kw_only=True)
class CasePage:
    #: Those due first come first; closed ones, newest first.
    cases: tuple[Case, ...]
    has_more: bool


class DecisionActions(Protocol):
    """What a decision does to the video, in the decision's own transaction; the jobs know.

    Each may return what is to be done once the transaction is committed. Each raises `Conflict` where the
    video has moved on.
    """

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
