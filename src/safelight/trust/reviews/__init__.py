"""Cases that a reviewer has to decide, and the decisions."""

from __future__ import annotations

from .conflicts import involved_people, record_conflicts
from .executor import DecisionExecutor
from .exposure import ExposureLog
from .managed_cases import ManagedCases
from .models import (
    UNFINISHED,
    Case,
    CaseFile,
    CaseKind,
    CaseState,
    Decision,
    DecisionAction,
    DecisionActions,
    DecisionRequest,
    NewCase,
    PendingDecision,
)
from .queue import ReviewQueue
from .service import Reviews
from .store import (
    approved_verdict_ids,
    case_from_row,
    close_cases,
    keep_hold_open,
    list_decisions,
    lock_pending_hold,
    open_case,
    overturned_verdict_ids,
)

__all__ = [
    "UNFINISHED",
    "Case",
    "CaseFile",
    "CaseKind",
    "CaseState",
    "Decision",
    "DecisionAction",
    "DecisionActions",
    "DecisionExecutor",
    "DecisionRequest",
    "ExposureLog",
    "ManagedCases",
    "NewCase",
    "PendingDecision",
    "ReviewQueue",
    "Reviews",
    "approved_verdict_ids",
    "case_from_row",
    "close_cases",
    "involved_people",
    "keep_hold_open",
    "list_decisions",
    "lock_pending_hold",
    "open_case",
    "overturned_verdict_ids",
    "record_conflicts",
]
