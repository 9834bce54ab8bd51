"""Requests for a consent: the subject answers a link, withdraws on a page, and a reviewer confirms clips."""

from .models import (
    AskedConsent,
    ConsentFlag,
    ConsentRequest,
    Device,
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
    "Device",
    "NewConsentRequest",
    "RequestState",
    "SubjectAnswer",
    "SubjectAnswers",
    "SubjectEnrolment",
    "SubjectPage",
]
