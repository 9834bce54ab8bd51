"""Entries of the ledger, prices and sums. Amounts are integers in millionths of a currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

#: Millionths in one unit of a currency.
MICROS = 1_000_000


class EntryKind(StrEnum):
    #: What the end user, or the account without one, is charged for a video.
    CHARGE = "charge"
    #: A charge that is given back. Its amount is negative.
    CREDIT = "credit"
    #: What the generator charged us for one attempt. It is never added to the charges.
    COST = "cost"


class Reason(StrEnum):
    """The event of an entry."""

    ACCEPTED = "accepted"
    #: The request was rejected, or the video blocked, by the policy, a reviewer or the provider.
    BLOCKED = "blocked"
    REVIEW_EXPIRED = "review_expired"
    FAILED = "failed"
    #: An appeal was won: the released video costs nothing.
    APPEAL_WON = "appeal_won"
    #: A kept clip was released or scanned again: the new video costs nothing.
    KEPT_CLIP = "kept_clip"
    #: The generator charged for an attempt.
    ATTEMPT = "attempt"
    #: The generator charged for a call of a canary. No account is charged for it.
    CANARY = "canary"


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What an end user is charged for one second of video."""

    currency: str = "USD"
    micros_per_second: int = 0
    #: By the name of a model, instead of `micros_per_second`.
    by_model: Mapping[str, int] = field(default_factory=dict)

    def price_of(self, model: str, seconds: int) -> int:
        return seconds * self.by_model.get(model, self.micros_per_second)


@dataclass(frozen=True, kw_only=True)
class Work:
    """The video that an entry is about, and who requested it."""

    #: Empty for a call of a canary.
    video_id: str
    account: str
    end_user: str | None
    #: The attempt of a cost.
    attempt_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    id: str
    at: float
    kind: EntryKind
    reason: Reason
    #: None: the generator did not say what it charged.
    amount_micros: int | None
    currency: str
    work: Work


#: What the end user or account pays. Costs of the generator are for the operator only.
PAID_BY_REQUESTER = (EntryKind.CHARGE, EntryKind.CREDIT)


@dataclass(frozen=True, kw_only=True)
class LedgerFilter:
    """Which entries to list or sum. None: not restricted."""

    account: str | None = None
    end_user: str | None = None
    video_id: str | None = None
    #: Empty: all kinds.
    kinds: tuple[EntryKind, ...] = ()
    #: In unix seconds; `until` is not included.
    since: float = 0.0
    until: float | None = None


class SumBy(StrEnum):
    """What sums are grouped by."""

    TENANT = "tenant"
    ACCOUNT = "account"
    END_USER = "end_user"


@dataclass(frozen=True, kw_only=True)
class LedgerSum:
    """The sums of one group in one currency. Amounts of different currencies are never added."""

    #: The id of the tenant, key, person or end user; empty for requests without an end user.
    group: str
    currency: str
    charged_micros: int = 0
    #: Credits as a positive amount.
    credited_micros: int = 0
    cost_micros: int = 0
    #: Attempts of which the generator did not say what it charged.
    unknown_costs: int = 0

    @property
    def due_micros(self) -> int:
        """What remains to be paid."""
        return self.charged_micros - self.credited_micros


def to_micros(amount: float | Decimal) -> int:
    """An amount in millionths, rounded to the nearest one."""
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return int((exact * MICROS).to_integral_value(rounding=ROUND_HALF_EVEN))
