"""Webhooks: sends events about videos to registered endpoints, in the format of Standard Webhooks."""

from __future__ import annotations

from .deliveries import Deliveries
from .models import EventType, RegisteredEndpoint, Secret, TestResult, WebhookDelivery
from .service import Webhooks, build_payload
from .signing import signature, signed_headers

__all__ = [
    "Deliveries",
    "EventType",
    "RegisteredEndpoint",
    "Secret",
    "TestResult",
    "WebhookDelivery",
    "Webhooks",
    "build_payload",
    "signature",
    "signed_headers",
]
