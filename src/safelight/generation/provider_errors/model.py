"""The meaning of a provider error: who refused what, at what cost, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.generation.protocol import ChargeStatus

#: If the category cannot be determined.
UNKNOWN = "unknown"


class ErrorSource(StrEnum):
    """The source of an error."""

    #: A Safelight: this one, or one upstream.
    GATEWAY = "gateway"
    #: The operator of the model or of its server.
    PROVIDER = "provider"
    #: An intermediary between us and the provider: a reseller, a router, LiteLLM.
    RELAY = "relay"
    #: Connections, proxies, load balancers.
    NETWORK = "network"
    #: The caller's own program or library, before sending or after its own timeout.
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
    """Whether a filter checked input or output."""

    INPUT = "input"
    OUTPUT = "output"
    UNKNOWN = "unknown"


class ProviderRetry(StrEnum):
    """How to retry."""

    SAME = "same"
    NEW_SEED = "new_seed"
    CHANGE_PROMPT = "change_prompt"
    NEVER = "never"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    #: A documented code or format.
    CERTAIN = "certain"
    #: A documented message, or a format that users report.
    LIKELY = "likely"
    #: Only words or a bare HTTP status matched.
    GUESS = "guess"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ProviderError:
    """One explained error. Undetermined parts are `unknown`; nothing here is a verdict of ours."""

    source: ErrorSource
    #: The provider by its name in the rules: `veo`, `runway`, `safelight` ...; empty if unknown.
    provider: str
    #: The aggregator that passed the error on.
    via: str
    kind: ErrorKind
    stage: ModerationStage
    #: One of our categories or groups, or `unknown`.
    category: str
    #: What was refused: text, image, video or audio; empty if unknown.
    modality: str
    charged: ChargeStatus
    #: Source of the charge: `documented: ...`, `upstream`, `not taken`; empty if unknown.
    charge_source: str
    retry: ProviderRetry
    #: Minimum delay in seconds before a retry.
    after_s: float | None
    summary: str
    next_step: str
    confidence: Confidence
    #: The matching rule, and where its statement is documented.
    rule: str
    documented: str
    #: The provider's own code and message, with secrets masked.
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        return {
            "object": "provider_error",
            "source": self.source.value,
            "provider": self.provider or None,
            "via": self.via or None,
            "kind": self.kind.value,
            "stage": self.stage.value,
            "category": self.category,
            "modality": self.modality or None,
            "charged": {"charged": self.charged.value, "source": self.charge_source or None},
            "retry": {"action": self.retry.value, "after_s": self.after_s},
            "summary": self.summary,
            "next_step": self.next_step,
            "confidence": self.confidence.value,
            "rule": self.rule or None,
            "documented": self.documented or None,
            "code": self.code or None,
            "message": self.message or None,
        }
