"""Signs webhook messages and builds their headers, in the format of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as secrets_
from collections.abc import Iterable

PREFIX = "whsec_"
_SECRET_BYTES = 24


def new_secret() -> str:
    """A new signing secret: `whsec_` followed by random bytes in base64."""
    return PREFIX + base64.b64encode(secrets_.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, payload: bytes) -> str:
    """The signature of a message: `v1,` and a base64 value.

    The value is the HMAC-SHA256 over id, timestamp and payload, joined by dots.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join((message_id.encode(), str(timestamp).encode(), payload))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(secrets: Iterable[str], message_id: str, timestamp: int, payload: bytes) -> dict[str, str]:
    """The three headers of a message. Every valid secret adds a signature to it."""
    signed = " ".join(signature(secret, message_id, timestamp, payload) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signed,
    }
