"""Rows of cases: the transactions of a video open and close cases, which the package `cases` decides."""

from .exposure import ExposureLog
from .models import (
    UNFINISHED,
    Case,
    CaseFile,
    CaseKind,
    CaseState,
    Decision,
    DecisionAction,
    NewCase,
    PendingDecision,
)
from .store import (
    case_from_row,
    close_cases,
    decided_verdict_ids,
    keep_hold_open,
    lock_pending_hold,
    open_case,
)

__all__ = [
    "UNFINISHED",
    "Case",
    "CaseFile",
    "CaseKind",
    "CaseState",
    "Decision",
    "DecisionAction",
    "ExposureLog",
    "NewCase",
    "PendingDecision",
    "case_from_row",
    "close_cases",
    "decided_verdict_ids",
    "keep_hold_open",
    "lock_pending_hold",
    "open_case",
]
