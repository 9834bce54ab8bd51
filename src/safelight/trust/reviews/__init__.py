"""Cases that a reviewer has to decide, and the decisions."""

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
    NewCase,
)
from .service import Reviews
from .store import (
    approved_verdict_ids,
    case_from_row,
    close_cases,
    involved_people,
    list_decisions,
    open_case,
    overturned_verdict_ids,
)

__all__ = [
    "Case",
    "CaseFile",
    "CaseKind",
    "CasePage",
    "CaseState",
    "Decision",
    "DecisionAction",
    "DecisionActions",
    "NewCase",
    "Reviews",
    "approved_verdict_ids",
    "case_from_row",
    "close_cases",
    "involved_people",
    "list_decisions",
    "open_case",
    "overturned_verdict_ids",
]
