"""Appeals: the person whom a decision concerns may object to it, once. Another person decides."""

from __future__ import annotations

from .models import BY_REPORTER, BY_REQUESTER, Appeal, AppealState, AppealSubject, NewAppeal
from .overturn_rates import MIN_DECIDED, OverturnRate, overturn_rates
from .service import Appeals
from .store import statement_of_case

__all__ = [
    "BY_REPORTER",
    "BY_REQUESTER",
    "MIN_DECIDED",
    "Appeal",
    "AppealState",
    "AppealSubject",
    "Appeals",
    "NewAppeal",
    "OverturnRate",
    "overturn_rates",
    "statement_of_case",
]
