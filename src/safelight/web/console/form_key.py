"""The idempotency key of a form that requests a video, so that a second click requests no second one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from safelight.core import canonical_json

#: The hidden field with a random text, another one each time the form is shown.
FORM_ID = "form_id"


def new_form_id() -> str:
    return secrets.token_hex(16)


def form_key(form: Mapping[str, Any]) -> str | None:
    """The key of a submitted form; None if the form has no id.

    It includes the values, because a browser may return to the form, and other values are another request.
    """
    if not form.get(FORM_ID):
        return None
    return f"page-{hashlib.sha256(canonical_json.encode(dict(form))).hexdigest()}"
