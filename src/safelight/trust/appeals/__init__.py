"""Appeals: the person whom a decision concerns may object to it, once. Another person decides."""

from __future__ import annotations

from .models import BY_REPORTER, BY_REQUESTER, Appeal, AppealState, AppealSubject, NewAppeal
from .service import Appeals
from .store import statement_of_case

__all__ = [
    "BY_REPORTER",
    "BY_REQUESTER",
    "Appeal",
    "AppealState",
    "AppealSubject",
    "Appeals",
    "NewAppeal",
    "statement_of_case",
]
