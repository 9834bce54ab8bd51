"""Data types of canaries. Prices are in millionths of a US dollar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.providers.attempts.models import AttemptOutcome, format_moment
from safelight_client.money import usd

from .schedule import month_price

#: A prompt that passed less often can have passed by chance.
MIN_PASSES = 5
#: After this number of refusals in a row the prompt is one that is refused, and the canary stops. They are
#: enough for an alarm if at least ten calls passed before.
MAX_REFUSALS_IN_ROW = 6
#: A call that a person asked for is sent within this time, or not at all.
REQUEST_S = 3_600.0


class CanaryState(StrEnum):
    OFF = "off"
    ON = "on"
    #: Switched off by Safelight; `StopReason` has the reason.
    STOPPED = "stopped"


class StopReason(StrEnum):
    #: The entry was removed from the library.
    ENTRY_REMOVED = "entry_removed"
    #: The entry needs to be validated again.
    ENTRY_STATUS = "entry_status"
    #: The policy in force does not allow the prompt.
    POLICY = "policy"
    #: A call costs more than was agreed, or its price in US dollars is not known any more.
    PRICE = "price"
    #: The model is not offered any more.
    MODEL = "model"
    #: The provider has refused the prompt several times in a row.
    REFUSED = "refused"


class PriceSource(StrEnum):
    #: From the price of a second in the settings.
    CONFIGURED = "configured"
    #: From the person who added the canary.
    STATED = "stated"


@dataclass(frozen=True, kw_only=True)
class NewCanary:
    entry_id: str
    model: str
    per_day: int
    #: The most that the calls of 31 days may cost.
    ceiling_micros: int
    #: The price of one call, for a model without a known price.
    price_micros: int | None = None


@dataclass(frozen=True, kw_only=True)
class Canary:
    id: str
    tenant: str
    entry_id: str
    #: None after the entry was removed.
    prompt: str | None
    generator: str
    model: str
    per_day: int
    ceiling_micros: int
    price_micros: int
    price_source: PriceSource
    #: How often the prompt had passed when the canary was added, and since when.
    passes: int
    passed_since: float
    state: CanaryState
    reason: StopReason | None
    switched_at: float
    run_requested_at: float | None
    #: The part of the day in which a check could not be made.
    skipped_slot: float | None

    @property
    def month_micros(self) -> int:
        return month_price(self.per_day, self.price_micros)

    def is_run_requested(self, now: float) -> bool:
        """Whether a person asked for a call that is still to be sent."""
        return self.run_requested_at is not None and now < self.run_requested_at + REQUEST_S


@dataclass(frozen=True, kw_only=True)
class CanaryCall:
    """A call that was reserved. `id` is that of an attempt, and the idempotency key at the generator."""

    id: str
    tenant: str
    canary_id: str
    generator: str
    model: str
    seconds: int
    width: int
    height: int
    #: None if the canary or its entry was removed since.
    prompt: str | None
    created_at: float
    upstream_id: str | None
    ended_at: float | None


@dataclass(frozen=True, kw_only=True)
class CanaryReport:
    """A canary with what its calls showed."""

    canary: Canary
    calls: int
    refused: int
    failed: int
    #: What the calls of the last 31 days cost at most.
    spent_micros: int
    last_call_at: float | None
    #: None while it runs, or without a call.
    last_outcome: AttemptOutcome | None
    run_requested: bool

    def as_json(self) -> dict[str, Any]:
        one = self.canary
        return {
            "object": "canary",
            "id": one.id,
            "entry_id": one.entry_id,
            "prompt": one.prompt,
            "provider": one.generator,
            "model": one.model,
            "per_day": one.per_day,
            "state": one.state.value,
            "reason": None if one.reason is None else one.reason.value,
            "passes": one.passes,
            "passed_since": format_moment(one.passed_since),
            "usd_per_call": usd(one.price_micros),
            "price_source": one.price_source.value,
            "usd_per_month": usd(one.month_micros),
            "max_usd_per_month": usd(one.ceiling_micros),
            "spent_usd": usd(self.spent_micros),
            "calls": self.calls,
            "refused": self.refused,
            "failed": self.failed,
            "last_call_at": None if self.last_call_at is None else format_moment(self.last_call_at),
            "last_outcome": None if self.last_outcome is None else self.last_outcome.value,
            "run_requested": self.run_requested,
        }
