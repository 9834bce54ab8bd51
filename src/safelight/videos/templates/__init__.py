"""Prompt templates with typed slots, which a second person approves before they are used."""

from .models import (
    RenderedPrompt,
    SlotType,
    Template,
    TemplateCall,
    TemplateState,
    Validation,
)
from .service import Templates

__all__ = [
    "RenderedPrompt",
    "SlotType",
    "Template",
    "TemplateCall",
    "TemplateState",
    "Templates",
    "Validation",
]
