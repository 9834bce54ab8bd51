"""Consents to one's face or voice, and the gallery of people who are protected from being shown."""

from __future__ import annotations

from .models import Consent, Protected, Scope
from .sealing import TemplateKey
from .service import Consents, Gallery, OnRecord
from .store import Described

__all__ = ["Consent", "Consents", "Described", "Gallery", "OnRecord", "Protected", "Scope", "TemplateKey"]
