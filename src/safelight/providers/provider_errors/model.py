"""The meaning of a provider error: who refused what, what it cost, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.providers.protocol import ChargeStatus

#: Value of a field that cannot be determined.
UNKNOWN = "unknown"


class ErrorSource(StrEnum):
    """The source of an error."""

    #: A Safelight server: this one, or an upstream that is itself a Safelight.
    GATEWAY = "gateway"
    #: The operator of the model or of its server.
    PROVIDER = "provider"
    #: An intermediary between us and the provider: a reseller, a router, LiteLLM.
    RELAY = "relay"
    #: The network: connections, proxies, load balancers.
    NETWORK = "network"
    #: The caller's own program or library, before it sent the request or after its own timeout.
    CLIENT = "client"
    UNKNOWN = "unknown"


class ErrorKind(StrEnum):
    CONTENT_BLOCK = "content_block"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    AUTH = "auth"
    TRANSIENT = "transient"
    INVALID_REQUEST = "invalid_request"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


class ModerationStage(StrEnum):
    """Whether the filter refused the input or the output."""

    INPUT = "input"
    OUTPUT = "output"
    UNKNOWN = "unknown"


class ProviderRetry(StrEnum):
    """How the request may be retried."""

    SAME = "same"
    NEW_SEED = "new_seed"
    CHANGE_PROMPT = "change_prompt"
    NEVER = "never"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    #: A documented code or format.
    CERTAIN = "certain"
    #: A documented message, or a format that users reported.
    LIKELY = "likely"
    #: Only words or an HTTP status matched.
    GUESS = "guess"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ProviderError:
    """One explained error. Unknown parts have the value `unknown`. It is not a verdict of Safelight."""

    source: ErrorSource
    #: Name of the provider in the rules: `veo`, `runway`, `safelight` ...; empty if unknown.
    provider: str
    #: Name of the aggregator that passed the error on; empty if there was none.
    via: str
    kind: ErrorKind
    stage: ModerationStage
    #: One of our categories or groups, or `unknown`.
    category: str
    #: The refused content: text, image, video or audio; empty if unknown.
    modality: str
    charged: ChargeStatus
    #: How the charge is known: `documented: ...`, `upstream`, `not taken`; empty if unknown.
    charge_source: str
    #: Name of the provider that uses these words, if the error has no other sign of it.
    likely_provider: str = ""
    #: The amount that the error states, with its currency; None and empty if it states none.
    amount: float | None = None
    currency: str = ""
    retry: ProviderRetry
    #: Minimum delay in seconds before a retry.
    after_s: float | None
    summary: str
    next_step: str
    confidence: Confidence
    #: The id of the matching rule, and the source that documents the rule.
    rule: str
    documented: str
    #: The provider's own code and message, with secrets masked.
    code: str
    message: str
    #: Names of further fields whose words are those of the error and not ours.
    quoted: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        return {
            "object": "provider_error",
            "source": self.source.value,
            "provider": self.provider or None,
            "likely_provider": self.likely_provider or None,
            "via": self.via or None,
            "kind": self.kind.value,
            "stage": self.stage.value,
            "category": self.category,
            "modality": self.modality or None,
            "charged": {
                "charged": self.charged.value,
                "amount": self.amount,
                "currency": self.currency or None,
                "source": self.charge_source or None,
            },
            "retry": {"action": self.retry.value, "after_s": self.after_s},
            "summary": self.summary,
            "next_step": self.next_step,
            "confidence": self.confidence.value,
            "rule": self.rule or None,
            "documented": self.documented or None,
            "code": self.code or None,
            "message": self.message or None,
        }
