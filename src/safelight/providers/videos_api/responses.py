"""Interprets upstream responses: converts bodies and headers to our own types. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.core.errors import UpstreamInvalidResponse
from safelight.net.redaction import redact
from safelight.providers.protocol import (
    Billing,
    Charge,
    ChargeStatus,
    Progress,
    ProviderRefusal,
    UpstreamState,
)
from safelight.providers.provider_errors import read as read_refusal
from safelight.providers.upstream.bodies import error_text, masked_body, read_amount, read_number
from safelight.providers.upstream.failures import mask_refusal, settle
from safelight.providers.upstream.submission import UNSTEERED

from .generation_report import read_report

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
#: Our server's code for a generation that its watcher stopped.
STOPPED = "moderation_blocked"
#: Status words that report a failure and by themselves mean a refusal by moderation.
_REFUSING = frozenset({"moderated", "content_moderated", "request_moderated", "nsfw"})


def read_progress(
    video: dict[str, Any],
    headers: Mapping[str, str],
    *,
    billing: Billing,
    usd_per_second: float | None,
    secrets: tuple[str, ...],
    steers: bool = False,
) -> Progress:
    """The status that a video object reports.

    An unknown status counts as running, so that the job's deadline decides. If the object also has a
    completion time, the two contradict each other: raises `UpstreamInvalidResponse`. An error together with a
    finished status counts as a failure. `steers`: whether the server steers and watches for us, so that its
    `moderation_blocked` is our own refusal.
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
            percent=_percent(video),
            problem=error_text({"error": error}, secrets=secrets),
            charge=charge,
            answer=masked_body(video, secrets=secrets),
            generation=generation,
            stopped=code == STOPPED,
            unsteered=code == UNSTEERED,
        )
    if state is UpstreamState.FAILED:
        refusal = _refusal(word, error)
        if refusal is not None:
            refusal, charge = settle(mask_refusal(refusal, secrets), charge)
        return Progress(
            state=state,
            percent=_percent(video),
            refusal=refusal,
            problem="" if refusal else error_text({"error": error}, secrets=secrets) or _failed(word),
            charge=charge,
            answer=masked_body(video, secrets=secrets),
            generation=generation,
        )
    poll_ms = read_number(headers.get("openai-poll-after-ms"))
    return Progress(
        state=state,
        percent=100 if state is UpstreamState.DONE else _percent(video),
        charge=charge if state is UpstreamState.DONE else None,
        generation=generation,
        poll_after_s=min(max(poll_ms / 1000, 0.0), 300.0) if poll_ms is not None else None,
        expires_at=read_number(video.get("expires_at")) or None,
    )


def _refusal(word: str, error: object) -> ProviderRefusal | None:
    if error is not None and (refusal := read_refusal({"error": error})):
        return refusal
    if word in _REFUSING:
        return read_refusal({"code": word, "message": error if isinstance(error, str) else ""})
    return None


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


def _word(status: object) -> str:
    if not isinstance(status, str) or not status.strip():
        raise UpstreamInvalidResponse("The generator's response has no status.")
    return status.strip().lower().replace("-", "_").replace(" ", "_")


def _percent(video: dict[str, Any]) -> int | None:
    number = read_number(video.get("progress"))
    return None if number is None else round(min(max(number, 0.0), 100.0))


def _currency(table: dict[str, Any]) -> str:
    currency = table.get("currency")
    return (
        currency.upper() if isinstance(currency, str) and len(currency) == 3 and currency.isalpha() else "USD"
    )
