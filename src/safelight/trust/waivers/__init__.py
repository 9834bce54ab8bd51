"""Waivers: recorded decisions to run without a required check, with reason and expiry."""

from __future__ import annotations

from .models import EVERYTHING, NewWaiver, Waiver, parse_expiry
from .service import Waivers

__all__ = ["EVERYTHING", "NewWaiver", "Waiver", "Waivers", "parse_expiry"]
