"""Cases that a reviewer has to decide, and the decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from safelight.moderation.text_screening import TextScreening, join
from safelight.policy.findings import Stage
from safelight.store.database import Transaction
from safelight.trust.accounts import ROLES, KeyScope, ReviewRank, Role


class CaseKind(StrEnum):
    #: The policy held the video for review.
    HOLD = "hold"
    #: The delivered video was reported.
    REPORT = "report"
    #: The requester appeals the block of the video.
    APPEAL = "appeal"
    #: Another person judges the content again. The answer changes nothing about the video.
    QUALITY = "quality"


#: How long a decision made on a page waits before it is carried out, and can be undone. Long enough to notice
#: a wrong key and to undo the decision; short compared with a review, which takes minutes.
UNDO_S = 10.0


#: How long a case is kept for a reviewer after the last sign of life of the page. Pages give one every
#: `HEARTBEAT_S`, so three may be lost.
LEASE_S = 120.0
HEARTBEAT_S = 30.0
#: Skips and exposure belong to the reviewer and are deleted after this time.
KEEP_SKIPS_S = 30 * 86_400.0
#: The time over which exposure is added up: a working day.
SHIFT_S = 8 * 3600.0
#: The part of the exposure budget from which the reviewer is warned.
WARN_FROM = 0.8


class CaseState(StrEnum):
    OPEN = "open"
    #: A reviewer decided. The decision is carried out when its time to undo is over.
    PENDING = "pending"
    DECIDED = "decided"
    #: The case was not decided in time, or the video ended for another reason.
    EXPIRED = "expired"


#: The states of a case whose outcome is not final yet.
UNFINISHED = frozenset({CaseState.OPEN, CaseState.PENDING})


class DecisionAction(StrEnum):
    #: Decisions on a hold: the video continues, or it is rejected or blocked.
    APPROVE = "approve"
    REFUSE = "refuse"
    #: Decisions on a report: the video stays, or it is withdrawn.
    KEEP = "keep"
    WITHDRAW = "withdraw"
    #: Decisions on an appeal: the video is reinstated under a new id, or it stays blocked.
    OVERTURN = "overturn"
    UPHOLD = "uphold"
    #: Answers in a quality review.
    IN_POLICY = "in_policy"
    AGAINST_POLICY = "against_policy"


#: The decisions that are possible for each kind of case.
ACTIONS: Mapping[CaseKind, tuple[DecisionAction, ...]] = {
    CaseKind.HOLD: (DecisionAction.APPROVE, DecisionAction.REFUSE),
    CaseKind.REPORT: (DecisionAction.KEEP, DecisionAction.WITHDRAW),
    CaseKind.APPEAL: (DecisionAction.OVERTURN, DecisionAction.UPHOLD),
    CaseKind.QUALITY: (DecisionAction.IN_POLICY, DecisionAction.AGAINST_POLICY),
}


def highest_rank(*, quarantined: bool) -> ReviewRank:
    """The highest rank of a role that sees such a case. A case that needs a higher one is never decided."""
    scope = KeyScope.VAULT if quarantined else KeyScope.REVIEW
    return max(role.review_rank for role in ROLES.values() if scope in role.scopes)


@dataclass(frozen=True, kw_only=True)
class NewCase:
    """A case that is not open yet. The fields are those of `Case`."""

    video_id: str
    kind: CaseKind
    stage: Stage
    due_at: float
    category: str = ""
    rule: str = ""
    reason: str = ""
    quarantined: bool = False
    #: None: the severity of the category.
    severity: int | None = None
    #: Whether the case comes before all cases that are opened later.
    comes_first: bool = False
    #: For an appeal: the statement it is against. Each appeal has its own case.
    statement_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question about a video that a reviewer has to decide."""

    id: str
    tenant: str
    video_id: str
    kind: CaseKind
    #: The stage that held or blocked the video. `delivery` for a reported video.
    stage: Stage
    #: For a hold or an appeal, these come from the deciding verdict; for a report, from the first report.
    category: str
    rule: str
    reason: str
    state: CaseState
    #: If true, only principals with the scope `vault` can see and decide the case.
    quarantined: bool
    opened_at: float
    #: When the decision is due. After that time a hold is rejected; a report or an appeal is overdue.
    due_at: float
    closed_at: float | None
    #: Higher after each change that a reviewer has to know before the decision.
    version: int = 1
    severity: int = 1
    #: The number of videos and reports that the decision is about.
    reach: int = 1
    #: The case with which this near-duplicate is decided; None for a case that is decided by itself.
    leader_id: str | None = None
    #: The reviewer who has the case open now, and until when.
    leased_by: str | None = None
    leased_until: float | None = None
    #: Whether the lease is for the case after the one that the reviewer has open. Only valid while leased.
    reserved: bool = False
    #: The lowest rank that may decide the case.
    required_rank: ReviewRank = ReviewRank.REVIEWER

    @property
    def is_blind(self) -> bool:
        """Whether the reviewer must not see what the checks or another reviewer found."""
        return self.kind is CaseKind.QUALITY

    @property
    def actions(self) -> tuple[DecisionAction, ...]:
        """The decisions that are possible now. Empty if the case is decided or closed."""
        return ACTIONS[self.kind] if self.state is CaseState.OPEN else ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A reviewer's decision on a case. It is never changed."""

    id: str
    case_id: str
    video_id: str
    action: DecisionAction
    #: The reviewer's reason, for the audit log. It is never sent to the client.
    reason: str
    #: The rule or clause of the policy that the reviewer named, if any.
    clause: str | None
    #: The id of the person or API key that decided.
    decided_by: str
    at: float
    #: Ids of all verdicts on the video at the time of the decision.
    verdict_ids: tuple[str, ...]
    #: What the person concerned is told: what in the content breaks the rule.
    facts: str | None = None
    #: The role of the person; None for keys and for the operator at the terminal.
    role: Role | None = None

    @property
    def is_answer(self) -> bool:
        """Whether it is the answer in a quality review, which changes nothing and is not in the audit log."""
        return self.action in ACTIONS[CaseKind.QUALITY]


@dataclass(frozen=True, kw_only=True)
class DecisionRequest:
    """A decision as a reviewer sent it."""

    action: str
    reason: str
    #: The rule or clause of the policy that the reviewer names, if any.
    clause: str | None = None
    #: What the person concerned is told: what in the content breaks the rule.
    facts: str | None = None
    #: The version of the case that the reviewer read; None if it is not compared.
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class PendingDecision:
    """A decision that is not carried out yet, or could not be carried out."""

    tenant: str
    decision: Decision
    #: When it is carried out. Until then the person who decided can undo it.
    due_at: float
    #: Why it could not be carried out; None if it has not been tried yet.
    conflict: str | None


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """A case with all data that a reviewer needs for the decision, except the pictures."""

    case: Case
    decision: Decision | None
    #: The number of reports, and the newest reports without contact addresses, newest first.
    reports: int
    notes: tuple[Mapping[str, Any], ...]
    #: Whether the requesting principal may not decide the open case: it is an appeal in which they are
    #: involved, or it needs a higher rank.
    requires_other_reviewer: bool = False
    #: The decision that waits to be carried out, or the last one that could not be.
    pending: PendingDecision | None = None
    #: The number of open near-duplicates that are decided with this case.
    members: int = 0
    #: The notices whose hashes caused this hold.
    notices: tuple[str, ...] = ()

    @property
    def text_screening(self) -> TextScreening | None:
        """Whether a text in `notes` may threaten or insult its reader; None if there is no text."""
        return join(msgspec.convert(note["text_screening"], TextScreening) for note in self.notes)


@dataclass(frozen=True, kw_only=True)
class ReviewerPreferences:
    #: The names of the categories whose cases the reviewer is not offered.
    declined_categories: tuple[str, ...] = ()
    #: Whether the reviewer gets mails about cases.
    mails: bool = True


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How much a reviewer was shown in the last `SHIFT_S`, in seconds times severity."""

    used: float
    budget: float

    @property
    def is_near(self) -> bool:
        """Whether the reviewer is warned."""
        return self.used >= self.budget * WARN_FROM

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.budget


class DecisionActions(Protocol):
    """Applies a decision to the video, in the transaction of the decision. The package `jobs` implements
    it.

    `require_ground` raises `InvalidField` if the decision is against a person who would not learn the rule,
    its group and the facts.

    Each method may return a callable, which runs after the commit. It raises `Conflict` if the state of the
    video no longer allows the action.
    """

    def require_ground(self, tx: Transaction, case: Case, decision: Decision) -> None: ...
    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def keep(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
    def uphold(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None: ...
