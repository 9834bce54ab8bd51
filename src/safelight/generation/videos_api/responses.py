"""Interprets upstream responses: converts bodies and headers to our own types. Pure."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from safelight.errors import UpstreamInvalidResponse
from safelight.generation.protocol import (
    Billing,
    Charge,
    ChargeStatus,
    Progress,
    ProviderRefusal,
    UpstreamState,
)
from safelight.generation.provider_errors import read as read_refusal
from safelight.net.internal_details import mask_internal
from safelight.net.redaction import redact

_STATES: Mapping[str, UpstreamState] = {
    word: state
    for state, words in {
        UpstreamState.QUEUED: "queued pending waiting submitted accepted created in_queue throttled",
        UpstreamState.RUNNING: "in_progress processing running generating started preparing dreaming",
        UpstreamState.DONE: "completed complete succeeded success successful done finished ready",
        UpstreamState.FAILED: (
            "failed failure error errored cancelled canceled expired rejected aborted timeout timed_out "
            "deleted incomplete moderated content_moderated request_moderated nsfw"
        ),
    }.items()
    for word in words.split()
}
#: Status words that report a failure and by themselves mean a refusal by moderation.
_REFUSING = frozenset({"moderated", "content_moderated", "request_moderated", "nsfw"})
_LONGEST_WAIT_S = 3600.0


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
    for part in (body.get("error"), body.get("detail"), body.get("message"), body):
        if isinstance(part, str):
            return redact(part, secrets=secrets)
        if isinstance(part, list) and part and isinstance(part[0], dict):
            part = part[0]
        if isinstance(part, dict):
            for name in ("message", "msg", "detail"):
                if isinstance(part.get(name), str):
                    return redact(part[name], secrets=secrets)
    return ""


def retry_after(headers: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> float | None:
    """Delay in seconds from `retry-after-ms` or `retry-after`, at most one hour; None if neither is
    usable.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return min(max(milliseconds / 1000, 0.0), _LONGEST_WAIT_S)
    text = headers.get("retry-after", "")
    if (seconds := _number(text)) is not None:
        return min(max(seconds, 0.0), _LONGEST_WAIT_S)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(moment - clock(), 0.0), _LONGEST_WAIT_S)


def read_progress(
    video: dict[str, Any],
    headers: Mapping[str, str],
    *,
    billing: Billing,
    usd_per_second: float | None,
    secrets: tuple[str, ...],
) -> Progress:
    """The status that a video object reports.

    An unknown status counts as running, so that the job's deadline decides. If the object also has a
    completion time, the two contradict each other: raises `UpstreamInvalidResponse`. An error together with a
    finished status counts as a failure.
    """
    word = _word(video.get("status"))
    state = _STATES.get(word, UpstreamState.RUNNING)
    error = video.get("error") or None
    if error is not None and (state is UpstreamState.DONE or word not in _STATES):
        state = UpstreamState.FAILED
    if word not in _STATES and error is None and isinstance(video.get("completed_at"), int | float):
        shown = redact(word, secrets=secrets, longest=40)
        raise UpstreamInvalidResponse(
            f"The generator reports that the request has ended, with the unknown status {shown!r}."
        )
    charge = read_charge(video, headers, state=state, billing=billing, usd_per_second=usd_per_second)
    if state is UpstreamState.FAILED:
        refusal = _refusal(word, error)
        if refusal is not None:
            refusal, charge = _settled(refusal, charge)
        return Progress(
            state=state,
            percent=_percent(video),
            refusal=refusal,
            problem="" if refusal else error_text({"error": error}, secrets=secrets) or _failed(word),
            charge=charge,
        )
    poll_ms = _number(headers.get("openai-poll-after-ms"))
    return Progress(
        state=state,
        percent=100 if state is UpstreamState.DONE else _percent(video),
        charge=charge if state is UpstreamState.DONE else None,
        poll_after_s=min(max(poll_ms / 1000, 0.0), 300.0) if poll_ms is not None else None,
        expires_at=_number(video.get("expires_at")) or None,
    )


def _refusal(word: str, error: object) -> ProviderRefusal | None:
    if error is not None and (refusal := read_refusal({"error": error})):
        return refusal
    if word in _REFUSING:
        return read_refusal({"code": word, "message": error if isinstance(error, str) else ""})
    return None


def _settled(refusal: ProviderRefusal, charge: Charge | None) -> tuple[ProviderRefusal, Charge | None]:
    """Combines refusal and charge: the reported charge if there is one, else the charge that the refusal
    implies.
    """
    if charge is not None and charge.charged is not ChargeStatus.UNKNOWN:
        return replace(refusal, charged=charge.charged), charge
    if refusal.charged is not ChargeStatus.UNKNOWN:
        return refusal, Charge(charged=refusal.charged, source="documented")
    return refusal, charge


def _failed(word: str) -> str:
    return {
        "cancelled": "it reports that the request was cancelled",
        "canceled": "it reports that the request was cancelled",
        "expired": "it reports that the request expired",
        "deleted": "it reports that the request was deleted",
    }.get(word, "it gave no reason")


def read_charge(
    video: dict[str, Any],
    headers: Mapping[str, str],
    *,
    state: UpstreamState,
    billing: Billing,
    usd_per_second: float | None,
) -> Charge | None:
    """The charge of a request: reported by the upstream, else from the price list, else unknown.

    None while the request is running.
    """
    if billing is Billing.OWN:
        return Charge(charged=ChargeStatus.NO, amount=0.0, source="own hardware")
    if (stated := _stated(video, headers)) is not None:
        return stated
    if state is UpstreamState.DONE and usd_per_second is not None:
        seconds = _number(video.get("seconds"))
        amount = round(usd_per_second * seconds, 6) if seconds is not None else None
        return Charge(charged=ChargeStatus.YES, amount=amount, source="price list")
    if state in {UpstreamState.DONE, UpstreamState.FAILED}:
        return Charge(charged=ChargeStatus.UNKNOWN)
    return None


def _stated(video: dict[str, Any], headers: Mapping[str, str]) -> Charge | None:
    """The charge in the response: in `safelight.charge`, `usage.cost`, `cost`, or LiteLLM's header."""
    ours = video.get("safelight")
    charge = ours.get("charge") if isinstance(ours, dict) else None
    if isinstance(charge, dict) and charge.get("charged") in list(ChargeStatus):
        return Charge(
            charged=ChargeStatus(charge["charged"]),
            amount=_amount(charge.get("amount")),
            currency=_currency(charge),
            source="upstream",
        )
    usage = video.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    for table, names in ((usage, ("cost", "total_cost", "cost_usd")), (video, ("cost", "total_cost"))):
        for name in names:
            if (amount := _amount(table.get(name))) is not None:
                taken = amount > 0 and table.get("refunded") is not True
                return Charge(
                    charged=ChargeStatus.YES if taken else ChargeStatus.NO,
                    amount=amount if taken else 0.0,
                    currency=_currency(table),
                    source="upstream",
                )
    if (amount := _amount(headers.get("x-litellm-response-cost"))) is not None and amount > 0:
        return Charge(charged=ChargeStatus.YES, amount=amount, source="upstream")
    return None


def _word(status: object) -> str:
    if not isinstance(status, str) or not status.strip():
        raise UpstreamInvalidResponse("The generator's response has no status.")
    return status.strip().lower().replace("-", "_").replace(" ", "_")


def _percent(video: dict[str, Any]) -> int | None:
    number = _number(video.get("progress"))
    return None if number is None else round(min(max(number, 0.0), 100.0))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _amount(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number >= 0 else None


def _currency(table: dict[str, Any]) -> str:
    currency = table.get("currency")
    return (
        currency.upper() if isinstance(currency, str) and len(currency) == 3 and currency.isalpha() else "USD"
    )
