"""Cases that a reviewer has to decide, and the decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from safelight.accounts import ROLES, KeyScope, ReviewRank, Role
from safelight.accounts.reply_texts import ReplyTexts
from safelight.accounts.statements import Statement
from safelight.core.records import About, Seconds, Shown
from safelight.policy.findings import Stage
from safelight.screening.text_screening import TextScreening, join

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
#: From this severity on, every case begins with all switches on.
SEVERE = 8


class CaseKind(StrEnum):
    #: The policy held the video for review.
    HOLD = "hold"
    #: The delivered video was reported.
    REPORT = "report"
    #: The requester appeals the block of the video, or a reporter that it was kept.
    APPEAL = "appeal"
    #: Another person judges the content again. The answer changes nothing about the video.
    QUALITY = "quality"


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
    #: Decisions on an appeal: the first decision is reversed (the video is reinstated under a new id, or
    #: withdrawn if a reporter appealed), or it stands.
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
    #: Whether a report may wait behind others about the same uploader.
    may_wait: bool = False
    #: For an appeal: the statement it is against. Each appeal has its own case.
    statement_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class CaseStatus(Shown):
    """What is stored of a case and shown in the same words to everybody who sees the case."""

    id: str
    kind: CaseKind
    #: The stage that held or blocked the video. `delivery` for a reported video.
    stage: Stage
    state: CaseState
    #: If true, only principals with the scope `vault` can see and decide the case.
    quarantined: bool
    opened_at: Seconds
    #: When the decision is due. After that time a hold is rejected; a report or an appeal is overdue.
    due_at: Seconds
    closed_at: Seconds | None
    version: Annotated[
        int, About("Send it with the decision, to be refused if the case changed meanwhile.")
    ] = 1
    reach: Annotated[int, About("The number of videos and reports that the decision is about.")] = 1


@dataclass(frozen=True, kw_only=True)
class Case(CaseStatus):
    """A question about a video that a reviewer has to decide."""

    tenant: str
    video_id: str
    #: For a hold or an appeal, these come from the deciding verdict; for a report, from the first report.
    category: str
    rule: str
    reason: str
    severity: int = 1
    #: The case with which this near-duplicate is decided, or behind which a report waits; None for a case in
    #: the queue.
    leader_id: str | None = None
    #: The reviewer who has the case open now, and until when.
    leased_by: str | None = None
    leased_until: float | None = None
    #: Whether the lease is for the case after the one that the reviewer has open. Only valid while leased.
    reserved: bool = False
    #: The lowest rank that may decide the case.
    required_rank: ReviewRank = ReviewRank.REVIEWER

    def holder(self, now: float) -> str | None:
        """The reviewer who has the case open or reserved now; None if no reviewer has it."""
        return self.leased_by if (self.leased_until or 0.0) > now else None

    @property
    def is_blind(self) -> bool:
        """Whether the reviewer must not see what the checks or another reviewer found."""
        return self.kind is CaseKind.QUALITY

    @property
    def actions(self) -> tuple[DecisionAction, ...]:
        """The decisions that are possible now. Empty if the case is decided or closed."""
        return ACTIONS[self.kind] if self.state is CaseState.OPEN else ()

    def rank_above(self, rank: ReviewRank) -> int | None:
        """The rank that the case needs after a person of this rank escalated it; None if no role has it."""
        higher = max(rank, self.required_rank) + 1
        return higher if higher <= highest_rank(quarantined=self.quarantined) else None


@dataclass(frozen=True, kw_only=True)
class ReviewDecision(Shown):
    """What reviewers see of a decision."""

    id: str
    action: DecisionAction
    #: The reviewer's reason, for the audit log. It is never sent to the client.
    reason: str
    #: The rule or clause of the policy that the reviewer named, if any.
    clause: str | None
    facts: Annotated[str | None, About("What the person concerned is told.")] = None
    reply: Annotated[ReplyTexts | None, About("The saved reply that is sent with it.")] = None
    decided_by: Annotated[str, About("Your own id, or the role of the person who decided.")]
    at: Seconds


@dataclass(frozen=True, kw_only=True)
class Decision(ReviewDecision):
    """A reviewer's decision on a case. It is never changed. It names the person or API key that decided."""

    case_id: str
    video_id: str
    #: Ids of all verdicts on the video at the time of the decision.
    verdict_ids: tuple[str, ...]
    #: The role of the person; None for keys and for the operator at the terminal.
    role: Role | None = None
    #: The id that the decisions have in common that were made together; None for one by itself.
    bulk_id: str | None = None

    @property
    def is_answer(self) -> bool:
        """Whether it is the answer in a quality review, which changes nothing and is not in the audit log."""
        return self.action in ACTIONS[CaseKind.QUALITY]


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
class SenderRecord(Shown):
    """Who sent notices, without name and address, and what was decided about them in this tenant."""

    reporter: Annotated[str, About("A pseudonym; of a person without an account, by the contact.")]
    notices: int
    upheld: Annotated[int, About("Videos that a person withdrew.")]
    rejected: Annotated[int, About("Videos that a person kept.")]


@dataclass(frozen=True, kw_only=True)
class CaseDetails(Shown):
    """What a reviewer needs besides the case, without the decision and the pictures."""

    requires_other_reviewer: Annotated[
        bool, About("True if another reviewer must decide the open case, such as one with a higher role.")
    ] = False
    members: Annotated[
        int,
        About(
            "Open near-duplicates that are decided with this case; of a report, others about the same "
            "uploader that wait behind it."
        ),
    ] = 0
    reporters: Annotated[
        tuple[SenderRecord, ...], About("Who sent the reports in `notes`, under pseudonyms.")
    ] = ()
    reports: int
    notes: Annotated[
        tuple[Mapping[str, Any], ...],
        About(
            "The newest reports of the case, or the text of the appeal; without contact details. "
            "Each has its own `text_screening`."
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class CaseFile(CaseDetails):
    """A case with all data that a reviewer needs for the decision, except the pictures."""

    case: Case
    decision: Decision | None
    #: The decision that waits to be carried out, or the last one that could not be.
    pending: PendingDecision | None = None
    #: Why another reviewer must decide it.
    obstacle: str | None = None
    #: The statement against which an appeal is; None for other cases.
    appealed: Statement | None = None

    @property
    def text_screening(self) -> TextScreening | None:
        """Whether a text in `notes` may threaten or insult its reader; None if there is no text."""
        return join(msgspec.convert(note["text_screening"], TextScreening) for note in self.notes)


class ViewSwitch(StrEnum):
    """A protection of a reviewer who looks at pictures. On, unless this reviewer switches it off."""

    #: Shown only while a button or key is held.
    COVERED = "covered"
    GREY = "grey"
    SMALL = "small"
    #: The clip is shown without its sound.
    MUTED = "muted"
    #: The clip is shown at half speed.
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True)
class ReviewerPreferences(Shown):
    declined_categories: Annotated[
        tuple[str, ...], About("Names of the categories whose cases this reviewer is not offered.")
    ] = ()
    mails: Annotated[bool, About("Whether this reviewer gets mails about cases, if a person.")] = True
    switched_off: Annotated[
        tuple[ViewSwitch, ...],
        About(
            "How pictures and sound of cases that are not severe are not protected, until `switched_until`."
        ),
    ] = ()
    switched_until: Seconds | None = None


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How much a reviewer was shown in the last `SHIFT_S`, in seconds times severity."""

    used: float
    budget: float
    #: Whether this reviewer sees the case that was asked about past the budget.
    is_overridden: bool = False

    @property
    def is_near(self) -> bool:
        """Whether the reviewer is warned."""
        return self.used >= self.budget * WARN_FROM

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.budget and not self.is_overridden


@dataclass(frozen=True, kw_only=True)
class AppealSubject:
    """The video whose block or withdrawal is appealed, and why it was blocked."""

    id: str
    stage: Stage
    category: str
    rule: str
    reason: str
    quarantined: bool
