"""Data types of the attempt log: an attempt, its origin, outcome and refunds, and a filter for lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from safelight.core.envelopes import format_iso
from safelight.providers.protocol import Charge, ChargeStatus

from .error_text import withhold_prompt as withhold_prompt_of

#: Most attempts of one export or statistic. The newest are read.
MAX_ATTEMPTS = 10_000


class AttemptOrigin(StrEnum):
    #: This gateway submitted the request and recorded the attempt.
    GATEWAY = "gateway"
    #: From a file of another program.
    IMPORTED = "imported"
    #: Entered by a person.
    REPORTED = "reported"
    #: This gateway submitted it, and the client marked it as a canary: a prompt that is sent to find drift.
    CANARY = "canary"


#: Metadata of a request for a video whose attempts are canaries.
CANARY_METADATA = {"safelight_origin": AttemptOrigin.CANARY.value}


def is_canary(metadata: Mapping[str, str]) -> bool:
    """Whether a request with this metadata is a canary."""
    return CANARY_METADATA.items() <= metadata.items()


class AttemptOutcome(StrEnum):
    #: The provider made a file.
    PASSED = "passed"
    #: The provider's filter refused the request or the file.
    REFUSED = "refused"
    #: Failed for another reason: plan, account, outage, invalid request.
    FAILED = "failed"
    #: Stopped by a policy of Safelight, before or after the generation.
    STOPPED = "stopped"
    RUNNING = "running"
    UNKNOWN = "unknown"


#: Outcomes without a file that the client could use.
LOST = frozenset({AttemptOutcome.REFUSED, AttemptOutcome.FAILED, AttemptOutcome.STOPPED})


@dataclass(frozen=True, kw_only=True)
class AttemptRefund:
    """Money that the provider gave back for an attempt. Without an amount: all of it."""

    amount: float | None
    currency: str


@dataclass(frozen=True, kw_only=True)
class AttemptRecord:
    """One attempt to generate a video, at any provider."""

    id: str
    origin: AttemptOrigin
    #: Unix seconds.
    at: float
    #: For the gateway's own attempts, the name of the generator in the settings.
    provider: str
    model: str
    seconds: float | None
    width: int | None
    height: int | None
    #: None if it is withheld.
    prompt: str | None
    #: The provider's words, with secrets and e-mail addresses masked.
    error: str
    outcome: AttemptOutcome
    #: What the filter refused: `input`, `output` or `unknown`.
    stage: str
    #: Whether the provider made a file; None if unknown.
    file_came: bool | None
    charge: Charge
    #: The provider's id of the request; empty if unknown.
    request_id: str
    #: The gateway's video; empty for reported attempts.
    video_id: str = ""
    refunds: tuple[AttemptRefund, ...] = ()
    #: Whether `error` is a sentence of this gateway, not the provider's words.
    is_own_error: bool = False
    #: Whether the provider made a file, but the gateway's video failed later: the client got none.
    is_undelivered: bool = False

    @property
    def is_reported(self) -> bool:
        """Whether this gateway did not submit it."""
        return self.origin in (AttemptOrigin.IMPORTED, AttemptOrigin.REPORTED)

    @property
    def is_refunded(self) -> bool:
        """Whether the whole charge was refunded. A refund without a known amount is one of all of it."""
        if not self.refunds:
            return False
        if self.charge.amount is None or any(refund.amount is None for refund in self.refunds):
            return True
        return self.refunded_amount >= self.charge.amount

    @property
    def refunded_amount(self) -> float:
        """The refunded part of the charge; 0 if nothing was charged or the charge is unknown."""
        charged = self.charge.amount
        if self.charge.charged is not ChargeStatus.YES or charged is None:
            return 0.0
        amounts = [charged if refund.amount is None else refund.amount for refund in self.refunds]
        return min(charged, round(sum(amounts), 6))

    def provider_error(self, *, withhold_prompt: bool) -> str:
        """The provider's words, without the prompt that it may repeat; empty if they are not known."""
        if self.is_own_error:
            return ""
        if not withhold_prompt or (not self.is_reported and self.prompt is None):
            # The prompt was removed when an attempt of the gateway was read.
            return self.error
        return withhold_prompt_of(self.error, self.prompt)

    def as_json(self, *, withhold_prompt: bool = False) -> dict[str, Any]:
        """The attempt with the names that an import reads."""
        prompt = None if withhold_prompt else self.prompt
        return {
            "object": "attempt",
            "id": self.id,
            "origin": self.origin.value,
            "reported": self.is_reported,
            "time": format_iso(self.at, timespec="milliseconds" if self.at % 1 else "seconds"),
            "provider": self.provider,
            "model": self.model or None,
            "prompt": prompt,
            "prompt_withheld": prompt is None,
            "error": self.provider_error(withhold_prompt=withhold_prompt) or None,
            "own_error": self.error if self.is_own_error else None,
            "outcome": self.outcome.value,
            "stage": self.stage,
            "seconds": self.seconds,
            "size": self.size or None,
            "file_came": self.file_came,
            "charged": self.charge.charged.value,
            "amount": self.charge.amount,
            "currency": self.charge.currency or None,
            "source": self.charge.source or None,
            "refunded": self.refunded_amount if self.refunds else None,
            "is_refunded": self.is_refunded,
            "request_id": self.request_id or None,
            "video_id": self.video_id or None,
        }

    @property
    def size(self) -> str:
        """Width and height, such as 1280x720; empty if unknown."""
        return f"{self.width}x{self.height}" if self.width and self.height else ""


@dataclass(frozen=True, kw_only=True)
class AttemptFilter:
    """Which attempts a list contains. Empty fields match everything."""

    provider: str = ""
    model: str = ""
    #: Without one, canaries are left out.
    origin: AttemptOrigin | None = None
    #: From this time, and before that time, in unix seconds.
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, kw_only=True)
class NewAttempt:
    """An attempt of another program or person, read from a file or from options."""

    at: float
    provider: str
    model: str = ""
    prompt: str | None = None
    error: str = ""
    outcome: AttemptOutcome = AttemptOutcome.UNKNOWN
    stage: str = "unknown"
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    file_came: bool | None = None
    charge: Charge = field(default_factory=lambda: Charge(charged=ChargeStatus.UNKNOWN, currency=""))
    request_id: str = ""
    refunds: tuple[AttemptRefund, ...] = ()
    #: The id in the export that the row comes from; empty if it is of another program.
    exported_id: str = ""
