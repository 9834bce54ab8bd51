"""What waits for a person, and what that person decides."""

from __future__ import annotations

from .models import (
    Case,
    CaseFile,
    CaseKind,
    CasePage,
    CaseState,
    Decision,
    DecisionAction,
    DecisionActions,
)
from .service import Reviews
from .store import (
    approved_verdicts,
    close_cases,
    decisions_on,
    involved_people,
    open_case,
    overturned_verdicts,
)
from .store import case as case_of

__all__ = [
    "Case",
    "CaseFile",
    "CaseKind",
    "CasePage",
    "CaseState",
    "Decision",
    "DecisionAction",
    "DecisionActions",
    "Reviews",
    "approved_verdicts",
    "case_of",
    "close_cases",
    "decisions_on",
    "involved_people",
    "open_case",
    "overturned_verdicts",
]
