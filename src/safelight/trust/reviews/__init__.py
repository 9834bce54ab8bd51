"""What waits for a person, and what that person decides."""

from __future__ import annotations

from .models import (
    Case,
    CaseFile,
    CaseKind,
    CasePage,
    CaseState,
    Consequences,
    Decision,
    DecisionAction,
)
from .service import Reviews
from .store import approved_verdicts, close_cases, decisions_on, open_case, overturned_verdicts

__all__ = [
    "Case",
    "CaseFile",
    "CaseKind",
    "CasePage",
    "CaseState",
    "Consequences",
    "Decision",
    "DecisionAction",
    "Reviews",
    "approved_verdicts",
    "close_cases",
    "decisions_on",
    "open_case",
    "overturned_verdicts",
]
