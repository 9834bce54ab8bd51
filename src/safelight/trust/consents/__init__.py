"""Consents to show a person's face or voice, and people who are protected from being shown."""

from __future__ import annotations

from .encryption import TemplateKey
from .models import Consent, ConsentScope, NewConsent, NewProtectedPerson, ProtectedPerson
from .service import Consents, EnrolledLookup, ProtectedPeople
from .store import TemplateVector

__all__ = [
    "Consent",
    "ConsentScope",
    "Consents",
    "EnrolledLookup",
    "NewConsent",
    "NewProtectedPerson",
    "ProtectedPeople",
    "ProtectedPerson",
    "TemplateKey",
    "TemplateVector",
]
