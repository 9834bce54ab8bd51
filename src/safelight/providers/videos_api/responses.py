"""Interprets upstream responses: converts bodies and headers to our own types. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.core.net.redaction import redact
from safelight.providers.protocol import (
    OWN_HARDWARE,
    Billing,
    Charge,
    ChargeStatus,
    Progress,
    ProviderRefusal,
    UpstreamState,
)
from safelight.providers.provider_errors import read as read_refusal
from safelight.providers.upstream.bodies import (
    error_text,
    masked_body,
    read_amount,
    read_number,
    states_something,
)
from safelight.providers.upstream.failures import mask_refusal, settle
from safelight.providers.upstream.submission import UNSTEERED

from .generation_report import read_report
from .statuses import has_ended, read_percent, read_state, read_word, states_error

#: Our server's code for a generation that its watcher stopped.
STOPPED = "moderation_blocked"
#: Status words that report a failure and by themselves mean a refusal by moderation.
_REFUSING = frozenset({"moderated", "content_moderated", "request_moderated", "nsfw"})


#: Fields in which a failed video, or what wraps it, says why. Its other fields may repeat the request.
_REASONS = frozenset(
    {
        *("error", "errors", "error_message", "error_msg", "message", "msg", "reason", "detail", "details"),
        *("failure", "failure_reason", "fail_reason", "failed_reason", "failreason", "base_resp"),
        *("task_status_msg", "status_msg", "code", "error_code", "err_code", "failure_code"),
    }
)


def read_progress(
    video: dict[str, Any],
    headers: Mapping[str, str],
    *,
    billing: Billing,
    usd_per_second: float | None,
    secrets: tuple[str, ...],
    steers: bool = False,
    has_clip: bool = False,
) -> Progress:
    """The status that a video object reports.

    `has_clip`: whether the clip can be downloaded, which is asked if `may_be_finished`. An unknown status
    counts as running, so that the job's deadline decides; with a completion time and no clip as failed. An
    error together with a finished status counts as a failure. `steers`: whether the server steers and watches
    for us, so that its `moderation_blocked` is our own refusal.
    """
    word = read_word(video)
    error = video.get("error") if states_something(video.get("error")) else None
    known = UpstreamState.DONE if has_clip else read_state(word)
    state = known or UpstreamState.RUNNING
    if (error is not None and state is UpstreamState.DONE) or (
        known is None and (states_error(video) or has_ended(video))
    ):
        state = UpstreamState.FAILED
    charge = read_charge(video, headers, state=state, billing=billing, usd_per_second=usd_per_second)
    ended = state in {UpstreamState.DONE, UpstreamState.FAILED}
    generation = read_report(video, is_done=state is UpstreamState.DONE) if steers and ended else None
    stated = error if steers and isinstance(error, dict) else {}
    code = stated.get("code")
    if isinstance(code, int):
        # vLLM-Omni's code is the HTTP status; our extension puts its own before the message.
        code = str(stated.get("message")).partition(":")[0]
    if state is UpstreamState.FAILED and code in (STOPPED, UNSTEERED):
        return Progress(
            state=state,
            percent=read_percent(video),
            problem=error_text({"error": error}, secrets=secrets),
            charge=charge,
            answer=masked_body(video, secrets=secrets),
            generation=generation,
            stopped=code == STOPPED,
            unsteered=code == UNSTEERED,
        )
    if state is UpstreamState.FAILED:
        reasons = {name: value for name, value in video.items() if name.lower() in _REASONS}
        refusal = _refusal(word, reasons)
        if refusal is not None:
            refusal, charge = settle(mask_refusal(refusal, secrets), charge)
        return Progress(
            state=state,
            percent=read_percent(video),
            refusal=refusal,
            problem="" if refusal else error_text(reasons, secrets=secrets) or _failed(word, secrets),
            charge=charge,
            answer=masked_body(video, secrets=secrets),
            generation=generation,
        )
    poll_ms = read_number(headers.get("openai-poll-after-ms"))
    return Progress(
        state=state,
        percent=100 if state is UpstreamState.DONE else read_percent(video),
        charge=charge if state is UpstreamState.DONE else None,
        generation=generation,
        poll_after_s=min(max(poll_ms / 1000, 0.0), 300.0) if poll_ms is not None else None,
        expires_at=read_number(video.get("expires_at")) or None,
    )


def _refusal(word: str, reasons: dict[str, Any]) -> ProviderRefusal | None:
    if refusal := read_refusal(reasons):
        return refusal
    if word in _REFUSING:
        error = reasons.get("error")
        return read_refusal({"code": word, "message": error if isinstance(error, str) else ""})
    return None


def _failed(word: str, secrets: tuple[str, ...]) -> str:
    if read_state(word) is None:
        shown = redact(word, secrets=secrets, longest=40)
        return f"it reports that the request has ended, with the unknown status {shown!r}, and has no video"
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
        return OWN_HARDWARE
    if (stated := _stated(video, headers)) is not None:
        return stated
    if state is UpstreamState.DONE and usd_per_second is not None:
        seconds = read_number(video.get("seconds"))
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
            amount=read_amount(charge.get("amount")),
            currency=_currency(charge),
            source="upstream",
        )
    usage = video.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    for table, names in ((usage, ("cost", "total_cost", "cost_usd")), (video, ("cost", "total_cost"))):
        for name in names:
            if (amount := read_amount(table.get(name))) is not None:
                taken = amount > 0 and table.get("refunded") is not True
                return Charge(
                    charged=ChargeStatus.YES if taken else ChargeStatus.NO,
                    amount=amount if taken else 0.0,
                    currency=_currency(table),
                    source="upstream",
                )
    if (amount := read_amount(headers.get("x-litellm-response-cost"))) is not None and amount > 0:
        return Charge(charged=ChargeStatus.YES, amount=amount, source="upstream")
    return None


def _currency(table: dict[str, Any]) -> str:
    currency = table.get("currency")
    return (
        currency.upper() if isinstance(currency, str) and len(currency) == 3 and currency.isalpha() else "USD"
    )
