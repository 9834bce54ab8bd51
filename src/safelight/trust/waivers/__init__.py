"""Waivers on the record: who decided to run without what, why, and until when."""

from __future__ import annotations

from .models import EVERYTHING, Waiver, parse_expiry
from .service import Waivers

__all__ = ["EVERYTHING", "Waiver", "Waivers", "parse_expiry"]
