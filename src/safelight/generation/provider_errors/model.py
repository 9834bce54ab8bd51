"""What a failure means, in our words: who said no, to what, at what cost, and what now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.generation.protocol import ChargeStatus

#: Where a category cannot be told.
UNKNOWN = "unknown"


class ErrorSource(StrEnum):
    """Who said no."""

    #: A Safelight: this one, or one further up.
    GATEWAY = "gateway"
    #: Whoever runs the model, or its server.
    PROVIDER = "provider"
    #: Somebody between us and the provider: a reseller, a router, LiteLLM.
    RELAY = "relay"
    #: Connections, proxies, load balancers.
    NETWORK = "network"
    #: The caller's own program or library, before anything was sent or when it would wait no longer.
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
    """Which side of the generation a filter looked at."""

    INPUT = "input"
    OUTPUT = "output"
    UNKNOWN = "unknown"


class ProviderRetry(StrEnum):
    """How to try again."""

    SAME = "same"
    NEW_SEED = "new_seed"
    CHANGE_PROMPT = "change_prompt"
    NEVER = "never"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    #: A documented code or shape.
    CERTAIN = "certain"
    #: A documented sentence, or a shape that people report.
    LIKELY = "likely"
    #: Words or a bare HTTP status.
    GUESS = "guess"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ProviderError:
    """One failure, read. What cannot be told says `unknown`; nothing here is a verdict of ours."""

    owner: ErrorSource
    #: Who that is, as the table calls them: `veo`, `runway`, `safelight` ...; empty: not known.
    provider: str
    #: Through whom it came: a relay that passed the provider's word on.
    via: str
    kind: ErrorKind
    stage: ModerationStage
    #: One of our categories or groups, or `unknown`.
    category: str
    #: What was refused: text, image, video or audio; empty: not known.
    modality: str
    charged: ChargeStatus
    #: Who says so about the charge: `documented: ...`, `upstream`, `not taken`; empty where unknown.
    charge_source: str
    retry: ProviderRetry
    #: Wait so many seconds first.
    after_s: float | None
    sentence: str
    next_step: str
    confidence: Confidence
    #: The row of the table, and where what it says is documented.
    rule: str
    documented: str
    #: The provider's own code and sentence, secrets masked.
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        return {
            "object": "provider_error",
            "source": self.owner.value,
            "provider": self.provider or None,
            "via": self.via or None,
            "kind": self.kind.value,
            "stage": self.stage.value,
            "category": self.category,
            "modality": self.modality or None,
            "charged": {"charged": self.charged.value, "source": self.charge_source or None},
            "retry": {"action": self.retry.value, "after_s": self.after_s},
            "summary": self.sentence,
            "next_step": self.next_step,
            "confidence": self.confidence.value,
            "rule": self.rule or None,
            "documented": self.documented or None,
            "code": self.code or None,
            "message": self.message or None,
        }
