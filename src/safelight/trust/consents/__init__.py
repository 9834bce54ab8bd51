"""Consents to one's face or voice, and the gallery of people who are protected from being shown."""

from __future__ import annotations

from .encryption import TemplateKey
from .models import Consent, Protected, Scope
from .service import Consents, Gallery, OnRecord
from .store import Described

__all__ = ["Consent", "Consents", "Described", "Gallery", "OnRecord", "Protected", "Scope", "TemplateKey"]
