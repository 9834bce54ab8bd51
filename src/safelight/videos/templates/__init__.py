"""Prompt templates with typed slots, which a second person approves before they are used."""

from __future__ import annotations

from .models import (
    RenderedPrompt,
    SlotType,
    Template,
    TemplateCall,
    TemplateState,
    TemplateVersion,
    Validation,
)
from .service import Templates

__all__ = [
    "RenderedPrompt",
    "SlotType",
    "Template",
    "TemplateCall",
    "TemplateState",
    "TemplateVersion",
    "Templates",
    "Validation",
]
