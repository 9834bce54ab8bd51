"""Consents to show a person, people whom the operator protects, enrolled logos and hash lists."""

from .encryption import TemplateKey
from .models import Consent, NewConsent, NewProtectedPerson, ProtectedPerson
from .service import Consents, EnrolledLookup, ProtectedPeople
from .store import TemplateVector

__all__ = [
    "Consent",
    "Consents",
    "EnrolledLookup",
    "NewConsent",
    "NewProtectedPerson",
    "ProtectedPeople",
    "ProtectedPerson",
    "TemplateKey",
    "TemplateVector",
]
