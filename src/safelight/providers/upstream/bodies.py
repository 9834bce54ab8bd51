"""Reads what every upstream answers: JSON bodies, error messages, numbers and delays. Pure."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from safelight.core.net.internal_details import mask_internal
from safelight.core.net.redaction import mask_secrets, redact

#: The longest delay that an upstream may ask for: it must not stop a video for ever.
_MAX_WAIT_S = 3600.0
#: What is kept of the body of a failed request. Bodies of errors have some hundred characters; fal's repeat
#: the request.
MAX_KEPT_CHARACTERS = 8192
#: Where an error is stated, in the order of reading, and the names of its message. Kling's `message` is
#: "SUCCEED" in each answer; the reason of a failure is in `task_status_msg`.
_REASONS = ("task_status_msg", "status_msg", "fail_reason", "failure_reason")
_PLACES = ("error", "detail", "failure", *_REASONS, "base_resp", "message")
_MESSAGES = (*_REASONS, "message", "msg", "detail")
#: Values of such fields that state no error.
_NOTHING = frozenset(
    {"", "0", "0.0", "200", "false", "none", "null", "ok", "no error", "success", "succeed", "succeeded"}
    | {"successful"}
)


def decode(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None for anything else."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def error_text(body: dict[str, Any] | None, *, secrets: tuple[str, ...]) -> str:
    """The message of an error body (OpenAI's, FastAPI's or plain text), redacted; empty if there is none.

    Addresses of private networks and paths of files are masked too, because a client may read the message.
    It ends with a full stop, because other sentences follow it.
    """
    text = mask_internal(_find_text(body, secrets=secrets)).strip()
    return text + "." if text and text[-1] not in ".!?。！？…" else text


def _find_text(body: dict[str, Any] | None, *, secrets: tuple[str, ...]) -> str:
    if body is None:
        return ""
    for part in (*(body.get(name) for name in _PLACES), body):
        if isinstance(part, list) and part and isinstance(part[0], dict):
            part = part[0]
        texts = [part.get(name) for name in _MESSAGES] if isinstance(part, dict) else [part]
        for text in texts:
            if isinstance(text, str) and states_something(text):
                return redact(text, secrets=secrets)
    return ""


def states_something(error: object) -> bool:
    """Whether the value of a field for errors states one. Relays also send empty objects, a code of zero, or
    "success" there.
    """
    if isinstance(error, Mapping):
        return any(states_something(value) for value in error.values())
    if isinstance(error, list):
        return any(states_something(value) for value in error)
    return error is not None and str(error).strip().lower() not in _NOTHING


def masked_body(body: Mapping[str, Any] | None, *, secrets: Iterable[str] = ()) -> str:
    """A body as text for the record of an attempt, with secrets masked."""
    text = json.dumps(body, ensure_ascii=False) if body else ""
    return mask_secrets(text, secrets=secrets)[:MAX_KEPT_CHARACTERS]


def retry_after(headers: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> float | None:
    """Delay in seconds from `retry-after-ms` or `retry-after`, at most one hour; None if neither is
    usable.
    """
    if (milliseconds := read_number(headers.get("retry-after-ms"))) is not None:
        return min(max(milliseconds / 1000, 0.0), _MAX_WAIT_S)
    text = headers.get("retry-after", "")
    if (seconds := read_number(text)) is not None:
        return min(max(seconds, 0.0), _MAX_WAIT_S)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(moment - clock(), 0.0), _MAX_WAIT_S)


def read_number(value: object) -> float | None:
    """A finite number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def read_amount(value: object) -> float | None:
    """A number that is not negative."""
    found = read_number(value)
    return found if found is not None and found >= 0 else None


def read_table(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
