"""A report on a delivered video, a notice with its clock, and the receipt for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from safelight.accounts.reply_texts import ReplyTexts
from safelight.accounts.reporter import ReporterKind
from safelight.accounts.statements import Statement
from safelight.core.records import About, Seconds, Shown
from safelight.policy.findings import Category, Group, categories_of
from safelight.screening.text_screening import UNCHECKED, TextScreening
from safelight.store.database import Transaction

from .lanes import ReportLane


class ReportReason(StrEnum):
    """The reasons that the report form offers. A report may name a category of the policy instead."""

    SEXUAL = "sexual"
    CHILD_SAFETY = "child_safety"
    INTIMATE = "intimate"
    VIOLENCE = "violence"
    SELF_HARM = "self_harm"
    HATE = "hate"
    EXTREMISM = "extremism"
    LIKENESS = "likeness"
    COPYRIGHT = "copyright"
    DECEPTION = "deception"
    PRIVACY = "privacy"
    OTHER = "other"


#: The categories of the policy that a reason of the form can mean. The others mean none.
CATEGORIES_OF_REASON: Mapping[str, frozenset[str]] = {
    ReportReason.SEXUAL: categories_of(Group.SEXUAL),
    ReportReason.CHILD_SAFETY: frozenset({Category.SEXUAL_MINORS}),
    ReportReason.INTIMATE: frozenset({Category.NCII, Category.SEXUAL_REAL_PERSON}),
    ReportReason.VIOLENCE: categories_of(Group.VIOLENCE),
    ReportReason.SELF_HARM: categories_of(Group.SELF_HARM),
    ReportReason.HATE: categories_of(Group.HATE),
    ReportReason.EXTREMISM: categories_of(Group.EXTREMISM),
    ReportReason.LIKENESS: frozenset({Category.LIKENESS, Category.DECEPTION_IMPERSONATION}),
    ReportReason.COPYRIGHT: categories_of(Group.IP),
    ReportReason.DECEPTION: categories_of(Group.DECEPTION),
    ReportReason.PRIVACY: categories_of(Group.PRIVACY),
}


#: How the reason of the case of a report begins.
REPORTED = "Reported: "


def is_own_words(reason: str, category: str | None) -> bool:
    """Whether the reason is in the reporter's own words. An appeal, which is stored as a report, has none."""
    return reason not in {"", "appeal", category, *ReportReason}


def shown_reason(reason: str, category: str | None) -> str:
    """The reason of a report for lists and the audit log, which have no words of the reporter."""
    if is_own_words(reason, category):
        return category or ReportReason.OTHER.value
    return reason or category or ""


class NoticeOutcome(StrEnum):
    """The outcome that the reporter gets."""

    #: A person decided that the video stays.
    KEPT = "kept"
    #: A person decided that the video is withdrawn.
    REMOVED = "removed"
    #: No person decided in time, so the video was withdrawn.
    REMOVED_UNATTENDED = "removed_unattended"
    #: The video was withdrawn or deleted for another reason.
    GONE = "gone"


REMOVED = (NoticeOutcome.REMOVED, NoticeOutcome.REMOVED_UNATTENDED)


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """A report that is not recorded yet. It needs a category or a reason, and a video or a page."""

    video_id: str = ""
    #: A category of the policy.
    category: str | None = None
    #: A value of `ReportReason`, or free text.
    reason: str | None = None
    note: str = ""
    #: Where the reporter wants to receive the decision.
    contact: str | None = None
    #: The identifier of the end user who reports. None if the report is not from an end user.
    end_user: str | None = None
    lane: ReportLane = ReportLane.ORDINARY
    #: Where the reporter saw the video: its id, an address that contains it, or that of another page.
    #: Instead of `video_id`.
    location: str = ""
    #: The name of the reporter; the signature of a notice of intimate pictures.
    name: str | None = None
    #: Whether the reporter declares that the statements are accurate, to the best of their belief.
    in_good_faith: bool = False
    #: The same request with the same key is recorded once.
    idempotency_key: str | None = None
    #: The language of the mail with the decision.
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A recorded report."""

    id: str
    tenant: str
    video_id: str
    case_id: str
    #: A category of the policy, if the report named one.
    category: str | None
    #: A value of `ReportReason`, or free text.
    reason: str
    note: str
    reporter_kind: ReporterKind
    #: The id of the key or person that reported, the identifier of the end user, or a hash of the address.
    reporter: str
    #: Where the reporter wants to receive the decision. Reviewers see it only if they request it.
    contact: str | None
    created_at: float
    screening: TextScreening = UNCHECKED


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the reporter may know about a reported video."""

    id: str
    lane: ReportLane
    #: None: the address is a page whose video only reviewers know.
    video_id: str | None
    #: Where the reporter saw it, until it is erased.
    location: str | None
    created_at: float
    #: None if no reviewer found a video on the page that it names.
    due_at: float | None
    #: None while the notice waits.
    outcome: NoticeOutcome | None
    answered_at: float | None
    #: Whether the video is hidden until the decision.
    hidden: bool = False
    #: The saved reply with the decision to keep the video.
    reply: ReplyTexts | None = None
    #: Whether the removed video was released again after an appeal.
    released: bool = False


@dataclass(frozen=True, kw_only=True)
class NoticeStatus:
    """The state of one report."""

    notice: Notice
    #: Whether the mail with the decision could not be delivered.
    is_undelivered: bool = False
    #: That to the account or end user who sent it, about the decision.
    statement: Statement | None = None


@dataclass(frozen=True, kw_only=True)
class PageNotice(Shown):
    """A report that names a page, whose video a reviewer has to find."""

    report_id: str
    page: Annotated[str, About("The address of the page, as the reporter wrote it.")]
    lane: ReportLane
    reason: Annotated[str, About("A reason of the form or a category; `other` for the reporter's own words.")]
    note: Annotated[str, About("The reporter's own words.")]
    text_screening: TextScreening
    created_at: Seconds


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The response to a new report."""

    status: NoticeStatus
    #: The recorded report; None for an address without a delivered video.
    report: Report | None
    #: Whether an earlier report had already opened the case of this video.
    already_reported: bool
    #: The secret of the address at which the status can be read. It is returned once; empty for a repeated
    #: request.
    token: str = ""
    #: Whether the decision is sent to the address of the reporter.
    is_mailed: bool = False

    @property
    def due_at(self) -> float | None:
        return self.status.notice.due_at

    @property
    def path(self) -> str | None:
        """The path of the page with the status."""
        return f"/report/{self.token}" if self.token else None


@dataclass(frozen=True, kw_only=True)
class ReportedVideo:
    """The video that a report is about."""

    id: str
    quarantined: bool
    #: Whether a detector saw nudity in it, or no detector could check for nudity.
    may_show_nudity: bool = False


#: Finds the reported video. Raises `NotFound`, `Withdrawn`, or `Conflict` if the video cannot be reported.
SubjectLookup: TypeAlias = Callable[[Transaction, str], ReportedVideo]
