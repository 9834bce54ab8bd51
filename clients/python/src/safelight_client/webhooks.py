"""Verifies webhook messages in the format of Standard Webhooks: those of Safelight and of OpenAI."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import SignatureInvalid
from .explanation import Explanation

#: A message may be this much older or newer than our clock.
TOLERANCE_S = 300.0
#: Bytes that Standard Webhooks requires of a secret, at least. With an empty one anybody could sign.
_LEAST_KEY = 24
#: Digits of a time, at most.
_LONGEST_STAMP = 12


def verify_webhook(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    now: float | None = None,
) -> dict[str, Any]:
    """The event in a message. Raises `SignatureInvalid` unless one of the signatures is valid.

    Raises `ValueError` if a secret is missing, too short, or not in base64.

    `body`: the bytes as received, before any JSON parser. `secret`: `whsec_...`; during a rotation several.
    A sender may repeat a message: ignore an event whose `id` you have seen.
    """
    import hmac

    keys = [_key(one) for one in ([secret] if isinstance(secret, str) else secret)]
    if not keys:
        raise ValueError("no webhook secret is given")
    data = body.encode() if isinstance(body, str) else body
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    message, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message or not stamp.isascii() or not stamp.isdigit() or len(stamp) > _LONGEST_STAMP:
        raise _invalid("It has no id or no time.")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_S:
        raise _invalid("It is too old, or its time is in the future.")
    signed = b".".join((message.encode(), stamp.encode(), data))
    signatures = [word.removeprefix("v1,").encode() for word in given.get("webhook-signature", "").split()]
    for key in keys:
        right = base64.b64encode(hmac.digest(key, signed, "sha256"))
        if any(hmac.compare_digest(right, signature) for signature in signatures):
            break
    else:
        raise _invalid("No signature is valid.")
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise _invalid("Its body is not a JSON object.")
    return event


def _key(secret: str) -> bytes:
    """The key in a secret. The error does not contain the secret, because errors are logged."""
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("a webhook secret is `whsec_` and a text in base64") from None
    if len(key) < _LEAST_KEY:
        raise ValueError(f"a webhook secret has at least {_LEAST_KEY} bytes")
    return key


def _invalid(reason: str) -> SignatureInvalid:
    message = f"The webhook message is not accepted. {reason}"
    return SignatureInvalid(
        message,
        explanation=Explanation(
            kind="auth",
            stage="unknown",
            charged="no",
            retry="never",
            next_step="Answer with status 400, and compare the secret with that of the endpoint.",
            message=message,
            code="signature_invalid",
        ),
    )
