"""Charges of attempts: their sums, second charges, and what a provider may owe. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from safelight.providers.protocol import ChargeStatus

from .models import AttemptOutcome, AttemptRecord


@dataclass(frozen=True, kw_only=True)
class CurrencyTotal:
    """Sums of the known amounts in one currency."""

    currency: str
    charged: Decimal
    refunded: Decimal

    @property
    def left(self) -> Decimal:
        return self.charged - self.refunded

    def as_json(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "charged": float(self.charged),
            "refunded": float(self.refunded),
            "left": float(self.left),
        }


def is_owed(attempt: AttemptRecord) -> bool:
    """Whether the provider charged for an attempt that it refused or failed, and has not refunded it.

    If it finished, and only this gateway did not get the file, it owes nothing.
    """
    is_failed = attempt.outcome is AttemptOutcome.FAILED
    is_own_failure = is_failed and not attempt.is_reported and attempt.file_came is None
    return (
        attempt.charge.charged is ChargeStatus.YES
        and not attempt.is_refunded
        and not attempt.file_came
        and (attempt.outcome is AttemptOutcome.REFUSED or (is_failed and not is_own_failure))
    )


def sum_charges(records: Iterable[AttemptRecord]) -> tuple[CurrencyTotal, ...]:
    """The known charges and their refunds, by currency. Unknown charges and amounts are not counted."""
    charged: defaultdict[str, Decimal] = defaultdict(Decimal)
    refunded: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in records:
        amount = one.charge.amount
        if one.charge.charged is ChargeStatus.YES and amount is not None:
            # The shortest decimal of a float is the number that the provider wrote.
            charged[one.charge.currency] += Decimal(repr(amount))
            refunded[one.charge.currency] += Decimal(repr(one.refunded_amount))
    return tuple(
        CurrencyTotal(currency=currency, charged=charged[currency], refunded=refunded[currency])
        for currency in sorted(charged)
    )


def find_second_charges(records: Iterable[AttemptRecord]) -> frozenset[str]:
    """Ids of the charged attempts whose request id an earlier charged attempt at the same provider has.

    A charge that was refunded is none.
    """
    seen: defaultdict[str, list[AttemptRecord]] = defaultdict(list)
    second: set[str] = set()
    for one in sorted(records, key=lambda each: (each.at, each.id)):
        if one.request_id and one.charge.charged is ChargeStatus.YES and not one.is_refunded:
            if any(_is_same_provider(one, earlier) for earlier in seen[one.request_id]):
                second.add(one.id)
            else:
                seen[one.request_id].append(one)
    return frozenset(second)


def _is_same_provider(one: AttemptRecord, other: AttemptRecord) -> bool:
    # The gateway's attempts have the name of the generator in the settings instead.
    return one.is_reported is not other.is_reported or one.provider == other.provider
