"""Who is told when something happens to a video, by Standard Webhooks."""

from __future__ import annotations

from .deliveries import Deliveries
from .models import EventType, RegisteredEndpoint, Secret, TestResult, WebhookDelivery
from .service import Webhooks, payload_of
from .signing import headers, signature

__all__ = [
    "Deliveries",
    "EventType",
    "RegisteredEndpoint",
    "Secret",
    "TestResult",
    "WebhookDelivery",
    "Webhooks",
    "headers",
    "payload_of",
    "signature",
]
