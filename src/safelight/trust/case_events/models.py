"""What happened to cases, for systems outside of the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.moderation.text_screening import TextScreening
from safelight.trust.reviews import Case
from safelight.trust.reviews.ozone import ReviewState


@dataclass(frozen=True, kw_only=True)
class CaseEntry:
    """An entry of the audit log about one case."""

    seq: int
    at: float
    event: str
    actor: str
    content: Mapping[str, Any]
    case: Case


@dataclass(frozen=True, kw_only=True)
class ReportText:
    """The words of a report or an appeal."""

    id: str
    category: str | None
    reason: str
    #: Without names and addresses of the person. Empty if there are no words, or if they may not be shown.
    text: str
    screening: TextScreening


@dataclass(frozen=True, kw_only=True)
class CaseEvent:
    """One entry with the state of its case after it."""

    entry: CaseEntry
    #: A role with a number for each person who works on the case, or `policy`, `reporter`, `appellant` or
    #: `system`. Never an id or a name.
    created_by: str
    review_state: ReviewState
    report: ReportText | None = None
