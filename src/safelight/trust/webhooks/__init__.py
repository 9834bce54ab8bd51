"""Who is told when something happens to a video, by Standard Webhooks."""

from __future__ import annotations

from .deliveries import Deliveries
from .models import Delivery, Endpoint, EventType, Secret, TestResult
from .service import Webhooks, payload_of
from .signing import headers, signature

__all__ = [
    "Deliveries",
    "Delivery",
    "Endpoint",
    "EventType",
    "Secret",
    "TestResult",
    "Webhooks",
    "headers",
    "payload_of",
    "signature",
]
