"""What happened to cases, exported in the words of Ozone. It is read from the audit log."""

from __future__ import annotations

from .models import CaseEvent
from .serializers import event_object
from .service import CASE_EVENT_SCOPES, MAX_PAGE_EVENTS, CaseEvents

__all__ = ["CASE_EVENT_SCOPES", "MAX_PAGE_EVENTS", "CaseEvent", "CaseEvents", "event_object"]
