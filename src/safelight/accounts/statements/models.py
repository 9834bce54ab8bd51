"""Statements of reasons: one decision, as the person concerned reads it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.accounts.reply_texts import ReplyTexts
from safelight.policy.findings import Stage


class StatementKind(StrEnum):
    """What was decided. The catalogue `statements` has the sentences `what.<kind>`."""

    #: The policy blocked the video.
    BLOCKED = "blocked"
    #: A reviewer rejected the held video.
    REFUSED = "refused"
    #: No reviewer decided about the held video in time.
    EXPIRED = "expired"
    #: The content of the delivered video cannot be fetched any more.
    WITHDRAWN = "withdrawn"
    #: The video was not finished when it, or a video that it is made from, was withdrawn.
    STOPPED = "stopped"
    #: The delivered video is not available until a decision is made.
    HIDDEN = "hidden"
    #: The hidden video is available again.
    RESTORED = "restored"
    #: The decision was reversed, and the video was released under a new id.
    REINSTATED = "reinstated"
    #: An appeal was rejected; the decision stays.
    APPEAL_REJECTED = "appeal_rejected"
    #: For the person who reported: the video was withdrawn, or it stays available.
    REPORT_UPHELD = "report_upheld"
    REPORT_REJECTED = "report_rejected"
    #: Decisions about an account.
    WARNED = "warned"
    COOLED_DOWN = "cooled_down"
    SUSPENDED = "suspended"
    #: The ban takes effect at `until`.
    BAN_ANNOUNCED = "ban_announced"
    BANNED = "banned"
    #: An announced ban does not take effect.
    BAN_CANCELLED = "ban_cancelled"
    ACCOUNT_RESTORED = "account_restored"


class StatementSource(StrEnum):
    """How the reason became known. The catalogue has the sentences `source.<source>`."""

    #: A check of this installation.
    POLICY = "policy"
    #: A report. It never names the reporter.
    REPORT = "report"
    #: A report about another video with the same picture.
    COPY_REPORTED = "copy_reported"
    #: A report about a video that this one is made from.
    SOURCE_REPORTED = "source_reported"
    #: An order of an authority.
    AUTHORITY = "authority"
    #: An appeal against an earlier decision.
    APPEAL = "appeal"
    #: The strikes of the account.
    STRIKES = "strikes"
    #: A person who is shown or heard withdrew their consent.
    CONSENT = "consent"
    #: The operator ended the consent of a person who is shown or heard.
    CONSENT_ENDED = "consent_ended"
    #: The operator, without a report.
    OPERATOR = "operator"


class GroundBasis(StrEnum):
    """Which kind of reason a statement gives."""

    #: A category of the policy: its group, and for developers the rule and the reason.
    CATEGORY = "category"
    #: A required check did not run.
    GAP = "gap"
    TEST_CARD = "test_card"
    #: One classifier alone reported a grave category, which is not named.
    UNNAMED = "unnamed"
    #: The reason is withheld, because the content is vaulted.
    WITHHELD = "withheld"
    #: It is one of the first videos of an account or end user, which a person checks.
    FIRST_REVIEW = "first_review"
    #: It is made from a copy of a video that was withdrawn.
    SOURCE = "source"
    #: The statement of a notice, which no person has confirmed yet.
    NOTICE = "notice"
    #: For a reporter: a person found that no rule is broken.
    NOT_BROKEN = "not_broken"
    #: The sentences about the decision and its source are the whole reason.
    NONE = "none"


class Objection(StrEnum):
    """How the person can object. The catalogue has the sentences `objection.<objection>`."""

    #: By an appeal, until `objection_until`.
    APPEAL = "appeal"
    #: By a message to the operator.
    OPERATOR = "operator"
    #: There is nothing to object to: the request can be sent again.
    REQUEST_AGAIN = "request_again"
    #: The decision is in favour of the person, or final.
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class DecisionGround:
    """Why, limited to what a developer of the tenant may know it. An end user gets the group only."""

    basis: GroundBasis
    group: str = ""
    category: str = ""
    #: The version of the policy, and its rule or clause.
    policy: str = ""
    rule: str = ""
    #: The reason of the rule or detector in English. It may quote the prompt.
    reason: str = ""
    #: What in the content breaks the rule, in the words of the person who decided. Also for end users.
    facts: str = ""

    @property
    def explains_decision(self) -> bool:
        """Whether it is enough for the statement of a reviewer's decision: it has a rule, its group and
        facts, or as much of them as the policy allows to be disclosed, or no rule is broken.
        """
        if self.basis is GroundBasis.CATEGORY:
            return bool(self.group)
        return self.basis in (
            GroundBasis.TEST_CARD,
            GroundBasis.UNNAMED,
            GroundBasis.WITHHELD,
            GroundBasis.NOT_BROKEN,
        )


@dataclass(frozen=True, kw_only=True)
class NewStatement:
    """A statement that is not recorded yet. It never has the name, the id or the notes of staff."""

    kind: StatementKind
    source: StatementSource
    ground: DecisionGround
    automated_detection: bool
    automated_decision: bool
    #: The person or API key, and the end user, whom the statement addresses. At least one is needed.
    account: str | None = None
    end_user: str | None = None
    #: The key or person through which the addressed person reported the video; None for other statements.
    #: It is not shown.
    reporter_source: str | None = None
    #: None: the decision is about the account.
    video_id: str | None = None
    #: The stage of a decision about a video.
    stage: Stage | None = None
    case_id: str | None = None
    decision_id: str | None = None
    released_as: str | None = None
    #: A saved reply that the person who decided sent.
    reply: ReplyTexts | None = None
    #: The end of the restriction; None if it has no end.
    until: float | None = None
    objection: Objection = Objection.APPEAL


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A recorded statement."""

    id: str
    tenant: str
    content: NewStatement
    at: float
    #: Until when an appeal is possible; None without an appeal.
    objection_until: float | None
    #: When the reason was erased with the video; None if it was not.
    erased_at: float | None = None
    #: Whether the one appeal was sent. Only readers of statements fill it.
    is_appealed: bool = False
