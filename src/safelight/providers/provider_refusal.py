"""Explains a refusal by the filter of a provider, which is not a verdict of this installation."""

from __future__ import annotations

from typing import Any

from safelight.core.net.internal_details import mask_internal
from safelight.providers.protocol import Charge, ChargeStatus, ProviderRefusal
from safelight.providers.provider_errors.messages import INPUTS

_NEXT = {
    "same": "The same request may pass when sent again.",
    "new_seed": "The same prompt may pass with another seed.",
    "never": "The provider does not generate this content.",
}
_CHARGED = {
    ChargeStatus.YES: "charged for it.",
    ChargeStatus.NO: "did not charge for it.",
}
_BILL = "Look at its bill before you submit a new request."


def explain_refusal(
    refusal: ProviderRefusal, charge: Charge, *, server: str, next_step: str = ""
) -> tuple[str, dict[str, Any]]:
    """Explain a refusal: returns sentences for people, and the details for the API.

    `server` is the name of the configured generator. `refusal.provider` is only the provider whose error has
    the same form: many servers answer in the form of OpenAI.
    `next_step`: what the gateway did about retries; the client then must not retry.
    """
    action = "never" if next_step else refusal.retry
    refused = INPUTS.get(refusal.modality, "the prompt") if refusal.stage == "input" else ""
    where = "the finished video" if refusal.stage == "output" else "the request"
    if refused not in ("", "the prompt"):
        where = refused
    next_step = next_step or _NEXT.get(refusal.retry, f"Change {refused or 'the prompt'}.")
    known = _CHARGED.get(charge.charged)
    charged = f"{server} {known}" if known else f"It is not known whether {server} charged for it. {_BILL}"
    sentence = f"{server} refused {where}; our own policy allowed it. {charged} {next_step}"
    details = {
        "moderation_stage": refusal.stage if refusal.stage in ("input", "output") else "unknown",
        "categories": [refusal.category] if refusal.category else [],
        "stage": "generation",
        "source": "provider",
        "server": server,
        "provider": refusal.provider,
        "provider_code": refusal.code,
        "provider_message": mask_internal(refusal.message),
        "charged": {
            "charged": charge.charged.value,
            "amount": charge.amount,
            "currency": charge.currency,
            "source": charge.source,
        },
        "retry": {"action": action, "after_s": None},
        "next_step": next_step,
    }
    return sentence, details
