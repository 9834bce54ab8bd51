"""Limits on prompt checks per hour, so that the policy cannot be probed without bound."""

from __future__ import annotations

from .models import CheckBudget, CheckLimits
from .service import CheckLimiter

__all__ = [
    "CheckBudget",
    "CheckLimiter",
    "CheckLimits",
]
