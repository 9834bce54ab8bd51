"""Consents to one's face or voice, and the gallery of people who are protected from being shown."""

from __future__ import annotations

from .encryption import TemplateKey
from .models import Consent, ConsentScope, Protected
from .service import Consents, EnrolledLookup, ProtectedPeople
from .store import TemplateVector

__all__ = [
    "Consent",
    "ConsentScope",
    "Consents",
    "EnrolledLookup",
    "Protected",
    "ProtectedPeople",
    "TemplateKey",
    "TemplateVector",
]
