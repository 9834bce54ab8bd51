"""Limits the prompt checks per hour, so that a client cannot test the policy an unlimited number of times."""

from __future__ import annotations

from .models import CheckBudget, CheckLimits
from .service import CheckLimiter

__all__ = [
    "CheckBudget",
    "CheckLimiter",
    "CheckLimits",
]
