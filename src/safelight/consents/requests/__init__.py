"""Requests for a consent: the subject answers a link, withdraws on a page, and a reviewer confirms clips."""

from __future__ import annotations

from .models import (
    AskedConsent,
    ConsentFlag,
    ConsentRequest,
    ConsentTerms,
    Device,
    GivenConsent,
    NewConsentRequest,
    RequestState,
    SubjectAnswer,
    SubjectPage,
)
from .service import MEDIA, ConsentRequests
from .subject import SubjectAnswers, SubjectEnrolment

__all__ = [
    "MEDIA",
    "AskedConsent",
    "ConsentFlag",
    "ConsentRequest",
    "ConsentRequests",
    "ConsentTerms",
    "Device",
    "GivenConsent",
    "NewConsentRequest",
    "RequestState",
    "SubjectAnswer",
    "SubjectAnswers",
    "SubjectEnrolment",
    "SubjectPage",
]
