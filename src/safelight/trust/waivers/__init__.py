"""Waivers: recorded decisions to operate without a required check, each with a reason and an expiry."""

from __future__ import annotations

from .models import EVERYTHING, NewWaiver, Waiver, parse_expiry
from .service import Waivers

__all__ = ["EVERYTHING", "NewWaiver", "Waiver", "Waivers", "parse_expiry"]
