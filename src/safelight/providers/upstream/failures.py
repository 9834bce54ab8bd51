"""Reads a failed request: the refusal by the provider's filter or another problem, and its charge. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from safelight.core.net.redaction import mask_secrets
from safelight.providers.protocol import Charge, ChargeStatus, Progress, ProviderRefusal, UpstreamState
from safelight.providers.provider_errors import decode_body, read

from .bodies import error_text, masked_body


def settle(refusal: ProviderRefusal, charge: Charge | None) -> tuple[ProviderRefusal, Charge | None]:
    """Combines refusal and charge: the reported charge if there is one, else the charge that the refusal
    implies.
    """
    if charge is not None and charge.charged is not ChargeStatus.UNKNOWN:
        return replace(refusal, charged=charge.charged), charge
    if refusal.charged is not ChargeStatus.UNKNOWN:
        return refusal, Charge(charged=refusal.charged, source="documented")
    return refusal, charge


def mask_refusal(refusal: ProviderRefusal, secrets: Iterable[str]) -> ProviderRefusal:
    """The refusal without our keys, which a provider may repeat in its words."""
    return replace(
        refusal,
        code=mask_secrets(refusal.code, secrets=secrets),
        message=mask_secrets(refusal.message, secrets=secrets),
    )


def failed(
    body: dict[str, Any],
    *,
    provider: str,
    charge: Charge | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    secrets: tuple[str, ...] = (),
) -> Progress:
    """The end of a request that has failed, from the provider's own body.

    `charge`: what the provider states. Without it, the rules of the provider's errors say what is documented.
    """
    answer = masked_body(body, secrets=secrets)
    stated = charge or Charge(charged=ChargeStatus.UNKNOWN)
    refusal = read(body, provider=provider)
    if refusal is not None:
        refusal, settled = settle(mask_refusal(refusal, secrets), stated)
        return Progress(state=UpstreamState.FAILED, refusal=refusal, charge=settled, answer=answer)
    error = decode_body(body, provider=provider, status=status, headers=headers)
    if stated.charged is ChargeStatus.UNKNOWN and error.charged is not ChargeStatus.UNKNOWN:
        stated = Charge(charged=error.charged, source="documented")
    problem = error_text(body, secrets=secrets) or "it gave no reason"
    return Progress(state=UpstreamState.FAILED, problem=problem, charge=stated, answer=answer)


def without_clip(ended: Progress) -> Progress:
    """The end of a request whose status is success although it has no video. A refusal stays one."""
    if ended.refusal is not None:
        return ended
    return replace(ended, problem="it reports success, but has neither a video nor a reason")
