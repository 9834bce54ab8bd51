"""Safelight's own errors: errors of a request, and errors of failed videos (see docs/reference.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.core.net.redaction import redact
from safelight.providers.protocol import ChargeStatus

from .categories import is_category, of_names
from .model import UNKNOWN, Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderError, ProviderRetry
from .parse import ParsedError, read_amount

_PAGE = "Safelight's own page docs/reference.md"
_CODES: Mapping[str, ErrorKind] = {
    code: kind
    for kind, codes in {
        ErrorKind.CONTENT_BLOCK: "sentinel_block moderation_blocked",
        ErrorKind.RATE_LIMIT: "rate_limited check_limit_exceeded cool_down",
        ErrorKind.QUOTA: "quota_exceeded refusal_budget_used",
        ErrorKind.AUTH: "invalid_api_key permission_denied account_suspended gate_closed",
        ErrorKind.INVALID_REQUEST: (
            "invalid_request invalid_value unsupported_field invalid_media forbidden_url too_large "
            "not_found conflict template_required "
            "withdrawn unknown_route method_not_allowed unsupported_media_type range_not_satisfiable "
            "configuration_error upstream_rejected idempotency_key_reused"
        ),
        ErrorKind.TIMEOUT: "timeout upload_timeout submit_unknown",
        ErrorKind.TRANSIENT: (
            "unavailable storage_full not_covered internal_error damaged scan_failed upstream_error "
            "upstream_unavailable upstream_invalid idempotency_key_in_use worker_died generation_failed "
            "out_of_memory steering_unavailable halted"
        ),
    }.items()
    for code in codes.split()
}
#: Codes with which Safelight reports a failure of its generator.
_UPSTREAM = frozenset(
    {"upstream_error", "upstream_unavailable", "upstream_invalid", "upstream_rejected", "submit_unknown"}
)
#: What `packages/steer` says about a generation that its watcher stopped.
_WATCHER_MESSAGE = "The generation was stopped by a safety check."
#: No generator was called when these errors were returned.
_UNSPENT = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.AUTH, ErrorKind.INVALID_REQUEST})
#: Sources of a charge that we write ourselves.
_OWN_CHARGE_SOURCES = ("not taken", "safelight", "upstream")
_AGAIN: Mapping[ErrorKind, ProviderRetry] = {
    ErrorKind.RATE_LIMIT: ProviderRetry.SAME,
    ErrorKind.QUOTA: ProviderRetry.NEVER,
    ErrorKind.AUTH: ProviderRetry.NEVER,
    ErrorKind.INVALID_REQUEST: ProviderRetry.NEVER,
    ErrorKind.TRANSIENT: ProviderRetry.SAME,
    ErrorKind.TIMEOUT: ProviderRetry.SAME,
}
_STEPS: Mapping[ErrorKind, str] = {
    ErrorKind.RATE_LIMIT: "Wait 60 s, then submit it again; double the delay after each further refusal.",
    ErrorKind.QUOTA: "Wait until the quota is reset, or ask the operator for a higher one.",
    ErrorKind.AUTH: "Use a key with the right scope, or ask the operator.",
    ErrorKind.INVALID_REQUEST: "Correct the request; the message names the field.",
    ErrorKind.TRANSIENT: "Submit it again later; if the error persists, give the operator the request id.",
    ErrorKind.TIMEOUT: "Submit it again if you still want the video; its quota was returned.",
}
_STEPS_OF_CODES: Mapping[str, str] = {
    # It is unknown whether the generator accepted the request, and it may have charged for it.
    "submit_unknown": (
        "Look at the bill of the generator before you submit it again; Safelight does not submit it again by "
        "itself."
    ),
    "idempotency_key_in_use": (
        "Wait, then send the same request with the same Idempotency-Key: it returns the same video."
    ),
}


def read(said: ParsedError) -> ProviderError | None:
    """The meaning of an error of a Safelight server; None if the error comes from another server."""
    for document in said.documents:
        for found in _objects(document, 0):
            if (error := _error(found)) is not None:
                return _decoded(error, found)
    return None


def _objects(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > 6:
        return
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _objects(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:20]:
            yield from _objects(inner, depth + 1)


def _error(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error in an object that only a Safelight server writes; None for any other object."""
    error = found.get("error")
    mark = found.get("safelight")
    if isinstance(mark, Mapping) and mark.keys() & {"state", "generation"} and isinstance(error, Mapping):
        return error
    if isinstance(error, Mapping) and error.get("message") == _WATCHER_MESSAGE:
        return error
    if found.get("message") == _WATCHER_MESSAGE and "code" in found:
        return found
    if isinstance(mark, Mapping) and "request_id" in mark and "code" in found:
        return found
    if isinstance(error, Mapping):
        inner = error.get("safelight")
        if isinstance(inner, Mapping) and "request_id" in inner:
            return error
    details = found.get("moderation_details")
    if isinstance(details, Mapping) and "next_step" in details and "stage" in details and "code" in found:
        return found
    return None


def _decoded(error: Mapping[str, Any], holder: Mapping[str, Any]) -> ProviderError:
    code = str(error.get("code") or "")
    details = error.get("moderation_details")
    details = details if isinstance(details, Mapping) else {}
    kind = _CODES.get(code, ErrorKind.UNKNOWN)
    if kind is ErrorKind.CONTENT_BLOCK and details.get("not_checked") and not details.get("categories"):
        # The video was held or refused because a check was not available. The content itself was not refused.
        kind = ErrorKind.TRANSIENT
    from_provider = details.get("source") == "provider" or code in _UPSTREAM
    charged, source = _charge(details, holder, kind)
    amount, currency = read_amount(details)
    how, after = _retry(details, kind)
    message = redact(str(error.get("message") or "")[:4000])
    next_step = redact(str(details.get("next_step") or "")[:1000])
    provider = str(details.get("provider") or "") if from_provider else "safelight"
    category = of_names(_names(details)) or str(details.get("group") or "") or UNKNOWN
    quotes = {
        "provider": from_provider,
        "category": category != UNKNOWN and not is_category(category),
        "charge_source": source not in ("", *_OWN_CHARGE_SOURCES),
        "summary": bool(message),
        "next_step": bool(next_step),
    }
    return ProviderError(
        source=ErrorSource.PROVIDER if from_provider else ErrorSource.GATEWAY,
        provider=provider,
        via="safelight" if from_provider else "",
        kind=kind,
        stage=_side(details, code, message),
        category=category,
        modality="",
        charged=charged,
        charge_source=source,
        amount=amount,
        currency=currency,
        retry=how,
        after_s=after,
        summary=message or "Safelight refused the request.",
        next_step=next_step or _STEPS_OF_CODES.get(code) or _STEPS.get(kind, "Ask the operator."),
        confidence=Confidence.CERTAIN if kind is not ErrorKind.UNKNOWN else Confidence.NONE,
        rule=f"safelight.{code}" if kind is not ErrorKind.UNKNOWN else "",
        documented=_PAGE,
        code=redact(code, longest=80),
        message=message,
        quoted=frozenset(name for name, is_quoted in quotes.items() if is_quoted),
    )


def _names(details: Mapping[str, Any]) -> list[str]:
    named = details.get("categories")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _side(details: Mapping[str, Any], code: str, message: str) -> ModerationStage:
    said = details.get("moderation_stage")
    if said in ("input", "output"):
        return ModerationStage(said)
    if details.get("stage") == "generation" or message == _WATCHER_MESSAGE:
        return ModerationStage.OUTPUT
    return ModerationStage.INPUT if code == "sentinel_block" else ModerationStage.UNKNOWN


def _charge(
    details: Mapping[str, Any], holder: Mapping[str, Any], kind: ErrorKind
) -> tuple[ChargeStatus, str]:
    mark = holder.get("safelight")
    stated = details.get("charged") or (mark.get("charge") if isinstance(mark, Mapping) else None)
    if isinstance(stated, Mapping):
        word = stated.get("charged") or stated.get("upstream")
        if isinstance(word, str) and word in list(ChargeStatus):
            return ChargeStatus(word), str(stated.get("source") or "safelight")
    if isinstance(mark, Mapping) and "generation" in mark and "state" not in mark:
        # A server of ours on own hardware; it has no prices.
        return ChargeStatus.NO, "safelight"
    if kind in _UNSPENT:
        return ChargeStatus.NO, "not taken"
    return ChargeStatus.UNKNOWN, ""


def _retry(details: Mapping[str, Any], kind: ErrorKind) -> tuple[ProviderRetry, float | None]:
    stated = details.get("retry")
    how = stated.get("action") if isinstance(stated, Mapping) else stated
    after = stated.get("after_s") if isinstance(stated, Mapping) else None
    if isinstance(how, str) and how in list(ProviderRetry):
        return ProviderRetry(how), float(after) if isinstance(after, int | float) else None
    return _AGAIN.get(
        kind, ProviderRetry.CHANGE_PROMPT if kind is ErrorKind.CONTENT_BLOCK else ProviderRetry.UNKNOWN
    ), None
