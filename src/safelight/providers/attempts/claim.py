"""The claim for a refund: attempts that were charged and gave no file. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from safelight.providers.protocol import ChargeStatus

from .models import AttemptOrigin, AttemptOutcome, AttemptRecord, format_moment


class ClaimReason(StrEnum):
    #: Charged, and the provider made no file.
    NO_FILE = "no_file"
    #: The provider charged a second time for the same request id.
    SECOND_CHARGE = "second_charge"


class LeftOut(StrEnum):
    """Why an attempt is not in a claim."""

    OWN_POLICY = "own_policy"
    REFUNDED = "refunded"
    NOT_CHARGED = "not_charged"
    FILE_CAME = "file_came"
    RUNNING = "running"
    OUTCOME_UNKNOWN = "outcome_unknown"
    #: The provider finished, and this gateway did not get the file.
    OWN_FAILURE = "own_failure"


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


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    attempt: AttemptRecord
    reason: ClaimReason

    def as_json(self, *, withhold_prompt: bool) -> dict[str, Any]:
        return {**self.attempt.as_json(withhold_prompt=withhold_prompt), "reason": self.reason.value}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Charged attempts without a file. What was charged is summed only if the amount is known."""

    created_at: float
    rows: tuple[ClaimRow, ...]
    #: Attempts without a file whose charge or amount is unknown; never summed.
    unknown: tuple[ClaimRow, ...]
    totals: tuple[CurrencyTotal, ...]
    left_out: Mapping[LeftOut, int]
    #: Whether there were more attempts than were read.
    incomplete: bool = False
    #: The inclusion proof of each video, by its id.
    proofs: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, *, withhold_prompts: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "object": "claim",
            "time": format_moment(self.created_at),
            "totals": [total.as_json() for total in self.totals],
            "rows": [row.as_json(withhold_prompt=withhold_prompts) for row in self.rows],
            "unknown": [row.as_json(withhold_prompt=withhold_prompts) for row in self.unknown],
            "left_out": {reason.value: count for reason, count in self.left_out.items()},
            "incomplete": self.incomplete,
        }
        return {**made, "proofs": dict(self.proofs)} if self.proofs else made


def build_claim(
    records: Sequence[AttemptRecord],
    *,
    now: float,
    wanted: Callable[[AttemptRecord], bool] = lambda _: True,
) -> Claim:
    """The claim for the wanted attempts. All `records` are searched for second charges."""
    second = find_second_charges(records)
    left_out: Counter[LeftOut] = Counter()
    known, unknown = [], []
    for attempt in sorted(records, key=lambda one: (one.at, one.id)):
        if not wanted(attempt):
            continue
        reason = ClaimReason.SECOND_CHARGE if attempt.id in second else ClaimReason.NO_FILE
        why = _left_out(attempt, is_second=attempt.id in second)
        row = ClaimRow(attempt=attempt, reason=reason)
        if why is not None:
            left_out[why] += 1
        elif attempt.charge.charged is ChargeStatus.YES and attempt.charge.amount is not None:
            known.append(row)
        else:
            unknown.append(row)
    return Claim(
        created_at=now,
        rows=tuple(known),
        unknown=tuple(unknown),
        totals=sum_charges(row.attempt for row in known),
        left_out=dict(left_out),
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


def _has_failed_here(attempt: AttemptRecord) -> bool:
    # A charge is known only if the provider has finished, failed or refused.
    is_finished = attempt.charge.charged is ChargeStatus.YES and attempt.file_came is None
    is_failed = attempt.outcome is AttemptOutcome.FAILED and attempt.origin is AttemptOrigin.GATEWAY
    return is_finished and is_failed


def _left_out(attempt: AttemptRecord, *, is_second: bool) -> LeftOut | None:
    if attempt.outcome is AttemptOutcome.STOPPED:
        return LeftOut.OWN_POLICY
    if attempt.is_refunded:
        return LeftOut.REFUNDED
    if attempt.charge.charged is ChargeStatus.NO:
        return LeftOut.NOT_CHARGED
    if is_second:
        return None
    if attempt.outcome is AttemptOutcome.RUNNING:
        return LeftOut.RUNNING
    if attempt.file_came:
        return LeftOut.FILE_CAME
    if _has_failed_here(attempt):
        return LeftOut.OWN_FAILURE
    refused = attempt.outcome in (AttemptOutcome.REFUSED, AttemptOutcome.FAILED)
    return None if refused else LeftOut.OUTCOME_UNKNOWN
