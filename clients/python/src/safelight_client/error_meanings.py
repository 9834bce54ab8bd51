"""Explains errors: those of this package, of the `openai` SDK, and bodies of responses."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any, cast

from .error_rules import AGAIN, RETRIES, Reading, find_gravest, load_table, read_error
from .explanation import NEXT_STEPS, Charged, Explanation, Kind, Retry

_CHARGED = ("yes", "no", "unknown")
#: Kinds of errors that a server returns before it calls a generator.
_UNSPENT = ("rate_limit", "quota", "auth", "invalid_request")
#: Codes of Safelight for a request that changed nothing although the server is not available.
_UNCHANGED = ("unavailable", "storage_full", "not_covered")
#: Code of Safelight while the first request with an idempotency key runs.
_IN_USE = "idempotency_key_in_use"
#: Fields of a video that repeat the request. Their words are not those of the server.
_REQUESTED = ("id", "model", "prompt", "metadata", "user", "safelight", "usage")
_LOST = "The answer was lost. Look at the list and the bill of the server before you send the request again."
_STEPS_OF_CODES = {
    "submit_unknown": _LOST,
    _IN_USE: "Wait, then send the same request with the same Idempotency-Key: it returns the same video.",
}


def explain(subject: object) -> Explanation | None:
    """The meaning of an error or a video; None for a video that did not fail.

    Takes errors and videos of this package, exceptions and videos of the `openai` SDK (2.x and 3.x), and the
    JSON body of an error response or a video.
    """
    own = getattr(subject, "explanation", None)
    if isinstance(own, Explanation) or hasattr(subject, "server_status"):
        return own
    if isinstance(subject, BaseException):
        return _explain_exception(subject)
    body = as_mapping(subject)
    if body is None:
        raise TypeError(f"cannot explain {type(subject).__name__}")
    if "status" in body and "id" in body:
        from .video import read_video

        return read_video(body).explanation
    return explain_response(body, None, {})


def _explain_exception(error: BaseException) -> Explanation:
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        response = getattr(error, "response", None)
        headers = {str(k).lower(): str(v) for k, v in dict(getattr(response, "headers", {})).items()}
        body = getattr(error, "body", None) or str(error)
        # The SDK takes the object out of `error`; a body of FastAPI has none.
        whole = body if isinstance(body, Mapping) and "detail" in body else {"error": body}
        found = explain_response(whole, status, headers)
        # The error of a poll says nothing about the charge of the video.
        method = getattr(getattr(error, "request", None), "method", "POST")
        return found if method == "POST" else found.unsettled()
    names = {cls.__name__ for cls in type(error).__mro__}
    if "APIConnectionError" in names or isinstance(error, OSError):
        timed_out = "APITimeoutError" in names or isinstance(error, TimeoutError)
        return Explanation(
            kind="timeout" if timed_out else "transient",
            stage="unknown",
            charged="unknown",
            retry="unknown",
            next_step=_LOST,
            message=str(error),
        )
    return _unknown(str(error))


def as_mapping(subject: object) -> Mapping[str, Any] | None:
    """A video or an error body as a mapping; None if it is neither."""
    for name in ("to_dict", "model_dump"):
        dump = getattr(subject, name, None)
        if callable(dump):
            subject = dump()
    return subject if isinstance(subject, Mapping) else None


def explain_response(body: object, status: int | None, headers: Mapping[str, str]) -> Explanation:
    """The meaning of an error response to a request."""
    error = body.get("error") if isinstance(body, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    ours = error.get("safelight")
    own = isinstance(ours, Mapping) and "request_id" in ours
    return _explain(body, error, status=status, headers=headers, own=own)


def explain_failure(video: Mapping[str, Any], headers: Mapping[str, str]) -> Explanation:
    """The meaning of a failed video."""
    error = video.get("error")
    ours = video.get("safelight")
    own = isinstance(ours, Mapping) and "state" in ours
    inner = error if isinstance(error, Mapping) else {}
    body = {name: value for name, value in video.items() if name not in _REQUESTED}
    charged, _, _ = read_charge(video, headers, ended=True)
    return _explain(body, inner, status=None, headers={}, own=own, charge=charged)


def _explain(
    body: object,
    error: Mapping[str, Any],
    *,
    status: int | None,
    headers: Mapping[str, str],
    own: bool,
    charge: Charged | None = None,
) -> Explanation:
    """`charge`: what a failed video states about its charge; None for a response."""
    ended = charge is not None
    details = error.get("moderation_details")
    details = details if isinstance(details, Mapping) else {}
    code = str(error.get("code") or "")
    found = _read_own(code, details) if own else read_error(body, status, headers)
    kind, stage, retry = found.kind, found.stage, found.retry
    charged = found.charged if own else _known_charge(found, ended=ended)
    said_s = found.after_s if found.is_delay_stated else None
    stated = details.get("charged")
    stated = stated.get("charged") if isinstance(stated, Mapping) else stated
    charged = stated if stated in _CHARGED else charged
    charged = charge if charge in ("yes", "no") else charged
    how = details.get("retry")
    how, after = (how.get("action"), how.get("after_s")) if isinstance(how, Mapping) else (how, None)
    after = read_number(after)
    retry = how if how in RETRIES else retry
    if retry == "same" and charged != "no" and not (own and (how == "same" or code == _IN_USE)):
        retry = "unknown"
    if code == "submit_unknown" or (own and headers.get("x-should-retry") == "false" and retry == "same"):
        # Safelight retries what helps at once; after a quota or a limit `after_s` states when to send again.
        retry = "never" if code == "submit_unknown" or not headers.get("retry-after") else "same"
    if stage == "unknown" and kind != "content_block" and kind != "unknown":
        stage = "generation" if ended else "admission"
    step = str(details.get("next_step") or "") or _STEPS_OF_CODES.get(code, "")
    return Explanation(
        kind=cast(Kind, kind),
        stage=stage,
        charged=cast(Charged, charged),
        retry=cast(Retry, retry),
        next_step=step or NEXT_STEPS[cast(Kind, kind)],
        after_s=next((one for one in (after, read_retry_after(headers), said_s) if one is not None), None),
        message=_message(body, ended=ended)[:2000],
        code=code,
        by_provider=not own or details.get("source") == "provider",
        provider=found.provider,
        category=found.category,
    )


def _read_own(code: str, details: Mapping[str, Any]) -> Reading:
    """The meaning of an error of a Safelight gateway."""
    kind = load_table()["codes"].get(code, "unknown")
    if kind == "content_block" and details.get("not_checked") and not details.get("categories"):
        # A required check was not available. The content itself was not refused.
        kind = "transient"
    stage = str(details.get("stage") or _side(details) or "unknown")
    charged = "no" if kind in _UNSPENT or code in _UNCHANGED or code == "sentinel_block" else "unknown"
    named = details.get("categories")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return Reading(
        provider=str(details.get("provider") or "") if details.get("source") == "provider" else "",
        kind=kind,
        stage=stage,
        category=find_gravest(names) or str(details.get("group") or "unknown"),
        charged=charged,
        retry="change_prompt" if kind == "content_block" else AGAIN.get(kind, "unknown"),
    )


def _known_charge(found: Reading, *, ended: bool) -> str:
    """The charge as far as it does not depend on the prices of one provider: the server may be a reseller."""
    if found.is_charge_stated or found.charged == "unknown":
        return found.charged
    if found.kind == "content_block":
        return found.charged if found.charged == "yes" or found.stage == "input" else "unknown"
    # An ended job was accepted, and then failed: that is no refused request.
    is_refused = found.kind in _UNSPENT or (
        found.kind == "transient" and found.not_taken and found.retry != "never"
    )
    return "no" if found.charged == "no" and is_refused and not ended else "unknown"


def _side(details: object) -> str:
    side = details.get("moderation_stage") if isinstance(details, Mapping) else None
    return side if side in ("input", "output") else ""


def _message(body: object, *, ended: bool) -> str:
    """The message in an error body of OpenAI's or FastAPI's form, or the whole as text; none of a video."""
    if isinstance(body, Mapping):
        for part in (body.get("error"), body.get("detail"), body.get("message")):
            if isinstance(part, str):
                return part
            if isinstance(part, list) and part:
                part = part[0]
            if isinstance(part, Mapping):
                found = next((part[n] for n in ("message", "msg") if isinstance(part.get(n), str)), None)
                if found is not None:
                    return str(found)
    if ended:
        return ""
    return body if isinstance(body, str) else json.dumps(body, default=str) if body else ""


def _unknown(message: str) -> Explanation:
    return Explanation(
        kind="unknown",
        stage="unknown",
        charged="unknown",
        retry="unknown",
        next_step=NEXT_STEPS["unknown"],
        message=message,
    )


def read_charge(
    video: Mapping[str, Any], headers: Mapping[str, str], *, ended: bool
) -> tuple[Charged, float | None, str]:
    """Charge, amount and currency as the response states them: Safelight's, `usage.cost`, a header.

    A cost of 0 means that nothing was charged only once the video has ended.
    """
    ours = video.get("safelight")
    charge = ours.get("charge") if isinstance(ours, Mapping) else None
    if isinstance(charge, Mapping) and charge.get("charged") in _CHARGED:
        return cast(Charged, charge["charged"]), read_number(charge.get("amount")), _currency(charge)
    usage = video.get("usage")
    for table in (usage if isinstance(usage, Mapping) else {}, video):
        for name in ("cost", "total_cost", "cost_usd"):
            amount = read_number(table.get(name))
            if amount is not None:
                taken = amount > 0 and table.get("refunded") is not True
                if taken or ended:
                    return ("yes" if taken else "no"), (amount if taken else 0.0), _currency(table)
    amount = read_number(headers.get("x-litellm-response-cost"))
    if amount:
        return "yes", amount, "USD"
    return "unknown", None, ""


def read_number(value: object) -> float | None:
    """A finite number of 0 or more, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _currency(table: Mapping[str, Any]) -> str:
    currency = table.get("currency")
    return currency.upper() if isinstance(currency, str) and len(currency) == 3 else "USD"


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds in `retry-after-ms` or `retry-after`; None if neither is usable."""
    milliseconds = read_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = read_number(text)
    if seconds is not None:
        return seconds
    import email.utils  # Slow to import, and rarely needed.

    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
