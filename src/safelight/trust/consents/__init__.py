"""Consents to one's likeness, and the gallery of people who are protected from being shown."""

from __future__ import annotations

from .models import Consent, Protected, Scope
from .sealing import TemplateKey
from .service import Consents, Gallery, OnRecord

__all__ = ["Consent", "Consents", "Gallery", "OnRecord", "Protected", "Scope", "TemplateKey"]
