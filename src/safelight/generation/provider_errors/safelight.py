"""Safelight's own wire, read back: errors answered at once, and videos that failed (see docs/errors.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.generation.protocol import Charged
from safelight.net.redaction import masked

from .categories import of_names
from .model import UNKNOWN, Again, Confidence, Decoded, Kind, Owner, Side
from .parse import Said

_PAGE = "docs/errors.md"
_CODES: Mapping[str, Kind] = {
    code: kind
    for kind, codes in {
        Kind.CONTENT_BLOCK: "sentinel_block moderation_blocked",
        Kind.RATE_LIMIT: "rate_limited probe_budget_spent",
        Kind.QUOTA: "quota_exceeded",
        Kind.AUTH: "invalid_api_key permission_denied account_suspended",
        Kind.INVALID_REQUEST: (
            "invalid_request invalid_value unsupported_field invalid_media refused_address too_large "
            "not_found conflict "
            "withdrawn unknown_route method_not_allowed unsupported_media_type range_not_satisfiable "
            "configuration_error upstream_rejected idempotency_key_reused"
        ),
        Kind.TIMEOUT: "timeout upload_timeout submit_unknown",
        Kind.TRANSIENT: (
            "unavailable storage_full not_covered internal_error damaged scan_failed upstream_error "
            "upstream_unavailable upstream_invalid"
        ),
    }.items()
    for code in codes.split()
}
#: Codes under which we report a generator's trouble.
_UPSTREAM = frozenset(
    {"upstream_error", "upstream_unavailable", "upstream_invalid", "upstream_rejected", "submit_unknown"}
)
#: Nothing was ordered from a generator when these were answered.
_UNSPENT = frozenset({Kind.RATE_LIMIT, Kind.QUOTA, Kind.AUTH, Kind.INVALID_REQUEST})
_AGAIN: Mapping[Kind, Again] = {
    Kind.RATE_LIMIT: Again.SAME,
    Kind.QUOTA: Again.NEVER,
    Kind.AUTH: Again.NEVER,
    Kind.INVALID_REQUEST: Again.NEVER,
    Kind.TRANSIENT: Again.SAME,
    Kind.TIMEOUT: Again.SAME,
}
_STEPS: Mapping[Kind, str] = {
    Kind.RATE_LIMIT: "Wait, then send it again.",
    Kind.QUOTA: "Wait until the quota is counted anew, or ask the operator for more.",
    Kind.AUTH: "Use a key with the right scope, or ask the operator.",
    Kind.INVALID_REQUEST: "Correct the request; the message names the field.",
    Kind.TRANSIENT: "Send it again a little later; where it stays, tell the operator the request id.",
    Kind.TIMEOUT: "Order it again if it is still wanted; its quota was returned.",
}


def read(said: Said) -> Decoded | None:
    """What a Safelight answered; None where it is somebody else's answer."""
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
    """The error inside an object that only we write."""
    error = found.get("error")
    mark = found.get("safelight")
    if isinstance(mark, Mapping) and "state" in mark and isinstance(error, Mapping):
        return error
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


def _decoded(error: Mapping[str, Any], holder: Mapping[str, Any]) -> Decoded:
    code = str(error.get("code") or "")
    details = error.get("moderation_details")
    details = details if isinstance(details, Mapping) else {}
    kind = _CODES.get(code, Kind.UNKNOWN)
    if kind is Kind.CONTENT_BLOCK and details.get("not_checked") and not details.get("categories"):
        # Refused because a check could not be made: no word on the content.
        kind = Kind.TRANSIENT
    from_provider = details.get("owner") == "provider" or code in _UPSTREAM
    charged, source = _charge(details, holder, kind)
    how, after = _retry(details, kind)
    message = masked(str(error.get("message") or "")[:4000])
    return Decoded(
        owner=Owner.PROVIDER if from_provider else Owner.GATEWAY,
        provider=str(details.get("provider") or "") if from_provider else "safelight",
        via="safelight" if from_provider else "",
        kind=kind,
        stage=_side(details, code),
        category=of_names(_names(details)) or str(details.get("group") or "") or UNKNOWN,
        modality="",
        charged=charged,
        charge_source=source,
        retry=how,
        after_s=after,
        sentence=message or "Safelight refused the request.",
        next_step=masked(str(details.get("next_step") or "")[:1000]) or _STEPS.get(kind, "Ask the operator."),
        confidence=Confidence.CERTAIN if kind is not Kind.UNKNOWN else Confidence.NONE,
        rule=f"safelight.{code}" if kind is not Kind.UNKNOWN else "",
        documented=_PAGE,
        code=masked(code, longest=80),
        message=message,
    )


def _names(details: Mapping[str, Any]) -> list[str]:
    named = details.get("categories")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _side(details: Mapping[str, Any], code: str) -> Side:
    said = details.get("moderation_stage")
    if said in ("input", "output"):
        return Side(said)
    return Side.INPUT if code == "sentinel_block" else Side.UNKNOWN


def _charge(details: Mapping[str, Any], holder: Mapping[str, Any], kind: Kind) -> tuple[Charged, str]:
    mark = holder.get("safelight")
    stated = details.get("charged") or (mark.get("charge") if isinstance(mark, Mapping) else None)
    if isinstance(stated, Mapping):
        word = stated.get("charged") or stated.get("upstream")
        if isinstance(word, str) and word in list(Charged):
            return Charged(word), str(stated.get("source") or "safelight")
    if kind in _UNSPENT:
        return Charged.NO, "not taken"
    return Charged.UNKNOWN, ""


def _retry(details: Mapping[str, Any], kind: Kind) -> tuple[Again, float | None]:
    stated = details.get("retry")
    how = stated.get("how") if isinstance(stated, Mapping) else stated
    after = stated.get("after_s") if isinstance(stated, Mapping) else None
    if isinstance(how, str) and how in list(Again):
        return Again(how), float(after) if isinstance(after, int | float) else None
    return _AGAIN.get(kind, Again.CHANGE_PROMPT if kind is Kind.CONTENT_BLOCK else Again.UNKNOWN), None
