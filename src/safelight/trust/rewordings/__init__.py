"""Rewordings of what was blocked: known again, and looked at as closely as the block was."""

from __future__ import annotations

from .models import NONE, Scrutiny
from .service import Rewordings

__all__ = ["NONE", "Rewordings", "Scrutiny"]
