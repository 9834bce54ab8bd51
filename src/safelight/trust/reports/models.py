"""A report on a delivered video, and the receipt for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.store.transaction import Transaction


class ReporterKind(StrEnum):
    #: A program of the tenant, which often reports for an end user.
    KEY = "key"
    #: A person who is signed in to the console.
    PERSON = "person"
    #: An end user who filled in the form on the page of the video.
    END_USER = "end_user"


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


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """A report that is not recorded yet. It needs a category or a reason."""

    video_id: str
    #: A category of the policy.
    category: str | None = None
    #: A value of `ReportReason`, or free text.
    reason: str | None = None
    note: str = ""
    #: Where the reporter wants to receive the decision.
    contact: str | None = None
    #: The identifier of the end user who reports. None if the report is not from an end user.
    end_user: str | None = None


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
    #: The id of the key or person that reported, or the identifier of the end user.
    reporter: str
    #: Where the reporter wants to receive the decision. Reviewers see it only if they request it.
    contact: str | None
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The response to a new report: the recorded report, and the time when its review is due."""

    report: Report
    due_at: float
    #: Whether an earlier report had already opened the case of this video.
    already_reported: bool


@dataclass(frozen=True, kw_only=True)
class ReportedVideo:
    """The video that a report is about."""

    id: str
    quarantined: bool


#: Finds the reported video. Raises `NotFound`, `Withdrawn`, or `Conflict` if the video cannot be reported.
SubjectLookup: TypeAlias = Callable[[Transaction, str], ReportedVideo]
