"""Whoever ordered a video may disagree with its block, once."""

from __future__ import annotations

from .models import Appeal, AppealState, AppealSubject
from .service import Appeals

__all__ = ["Appeal", "AppealState", "AppealSubject", "Appeals"]
