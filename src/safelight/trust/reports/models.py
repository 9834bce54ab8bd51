"""A report of a video, and its receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.store.transaction import Transaction


class ReporterKind(StrEnum):
    #: A program of the tenant, often on behalf of its users.
    KEY = "key"
    #: A person signed in to the console.
    PERSON = "person"
    #: An end user who filled in the form on a video's page.
    END_USER = "end_user"


class ReportReason(StrEnum):
    """The reasons that the form offers. A category of the policy may be named instead."""

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
    """A report to record. It needs a category or a reason."""

    video_id: str
    #: A category of the policy.
    category: str | None = None
    #: One of `ReportReason`, or free text.
    reason: str | None = None
    note: str = ""
    #: Where to send the decision.
    contact: str | None = None
    #: The end user's identifier, if the report is an end user's.
    end_user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A recorded report."""

    id: str
    tenant: str
    video_id: str
    case_id: str
    #: A category of the policy, if one was named.
    category: str | None
    #: One of `ReportReason`, or free text.
    reason: str
    note: str
    reporter_kind: ReporterKind
    #: The id of the key or person; the identifier of an end user.
    reporter: str
    #: Where to send the decision. Reviewers see it only on request.
    contact: str | None
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The response to a report: the report, and when its review is due."""

    report: Report
    due_at: float
    #: The video has an open case from an earlier report.
    already_reported: bool


@dataclass(frozen=True, kw_only=True)
class ReportedVideo:
    """The video that a report is about."""

    id: str
    quarantined: bool


#: Finds the video of a report. Raises `NotFound`, `Withdrawn` or `Conflict` if it cannot be reported.
SubjectLookup: TypeAlias = Callable[[Transaction, str], ReportedVideo]
