"""Reports: who says so, of which video, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.store.transaction import Transaction


class ReporterKind(StrEnum):
    #: A program of the tenant, often on behalf of its users.
    KEY = "key"
    #: Somebody signed in here.
    PERSON = "person"
    #: Somebody who filled in the form on a video's page.
    END_USER = "end_user"


class ReportReason(StrEnum):
    """The reasons a form offers. A category of the policy may be named instead."""

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
class Report:
    id: str
    tenant: str
    video_id: str
    case_id: str
    #: A category of the policy, where one was named.
    category: str | None
    #: One of `ReportReason`, or a few words.
    reason: str
    note: str
    reporter_kind: ReporterKind
    #: The key's or person's id; of an end user the identifier the form was given.
    reporter: str
    #: Where the reporter wants to hear of the decision; seen by who decides only when asked for.
    contact: str | None
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a reporter is told: the report, and until when somebody should have looked."""

    report: Report
    due_at: float
    #: Others had reported the same video, and nobody has decided yet.
    joined: bool


@dataclass(frozen=True, kw_only=True)
class ReportedVideo:
    id: str
    quarantined: bool


#: The video a report is about, if it can be reported: `NotFound`, `Gone` or `Conflict` where it cannot.
SubjectLookup: TypeAlias = Callable[[Transaction, str], ReportedVideo]
