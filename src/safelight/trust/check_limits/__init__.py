"""How much may be tried out: looking is free, probing is not."""

from __future__ import annotations

from .models import Budget, CheckLimits
from .service import CheckLimiter

__all__ = ["Budget", "CheckLimiter", "CheckLimits"]
