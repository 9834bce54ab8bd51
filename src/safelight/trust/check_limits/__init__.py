"""How much may be tried out: looking is free, probing is not."""

from __future__ import annotations

from .models import Allowance, Budget
from .service import Probes

__all__ = ["Allowance", "Budget", "Probes"]
