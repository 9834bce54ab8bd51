"""Webhooks: sends events to registered endpoints, in the format of Standard Webhooks."""

from .deliveries import COOLDOWN, MAX_AGE_S, Deliveries
from .models import DeliveryHealth, EndpointIdentity, RegisteredEndpoint, TestResult, WebhookDelivery
from .service import MAX_ENDPOINTS, Webhooks, build_payload
from .signing import new_secret, signature, signed_headers

__all__ = [
    "COOLDOWN",
    "MAX_AGE_S",
    "MAX_ENDPOINTS",
    "Deliveries",
    "DeliveryHealth",
    "EndpointIdentity",
    "RegisteredEndpoint",
    "TestResult",
    "WebhookDelivery",
    "Webhooks",
    "build_payload",
    "new_secret",
    "signature",
    "signed_headers",
]
