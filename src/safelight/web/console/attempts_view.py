"""What the page of attempts shows: losses by currency, refusals over time, and one row per attempt. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from safelight.core.envelopes import format_iso
from safelight.core.i18n import Messages
from safelight.providers.advice.driver_lines import driver_name
from safelight.providers.attempts.charges import sum_charges
from safelight.providers.attempts.drift import Drift
from safelight.providers.attempts.gate import find_gate
from safelight.providers.attempts.models import LOST, AttemptOutcome, AttemptRecord
from safelight.providers.attempts.patterns import MIN_FOR_SHARE, RefusalPattern
from safelight.providers.attempts.repeats import RepeatResult
from safelight.providers.protocol import ChargeStatus
from safelight.videos.refusal_budget import RefusalCount
from safelight.web.translations import Translations, format_date, format_datetime, truncate
from safelight_client.money import format_money

_DAY_S = 86_400
_MAX_BARS = 30
#: Width and height of the chart, in its own units.
CHART_WIDTH, CHART_HEIGHT = 720, 96
_MAX_PATTERNS = 8
#: Drifts at the head of the page.
_MAX_DRIFTS = 3
TONES = {
    AttemptOutcome.PASSED: "allow",
    AttemptOutcome.REFUSED: "block",
    AttemptOutcome.FAILED: "error",
    AttemptOutcome.STOPPED: "hold",
}


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What was charged and not refunded for attempts without a file of use, in one currency."""

    net: str
    charged: str
    refunded: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Attempts that a filter judged in one period of the chart, with the places of the two parts."""

    #: The first and the last day, which are the same if the period is a day.
    first_day: str
    last_day: str
    refused: int
    passed: int
    x: float
    width: float
    refused_height: float
    passed_height: float

    @property
    def refused_y(self) -> float:
        return CHART_HEIGHT - self.refused_height

    @property
    def passed_y(self) -> float:
        return self.refused_y - self.passed_height


@dataclass(frozen=True, kw_only=True)
class PatternRow:
    value: str
    text: str
    likely: bool


@dataclass(frozen=True, kw_only=True)
class AttemptLine:
    id: str
    time: str
    iso: str
    provider: str
    model: str
    stage: str
    outcome: str
    tone: str
    charge: str
    cause: str
    prompt: str
    reported: bool


def lost_attempts(attempts: Sequence[AttemptRecord], second_charges: Collection[str]) -> list[AttemptRecord]:
    """Attempts without a file of use, and second charges."""
    return [one for one in attempts if one.outcome in LOST or one.is_undelivered or one.id in second_charges]


def losses(lost: Sequence[AttemptRecord]) -> tuple[Loss, ...]:
    """One figure per currency. Unknown charges and amounts are in none."""
    return tuple(
        Loss(
            net=format_money(total.left, total.currency),
            charged=format_money(total.charged, total.currency),
            refunded=format_money(total.refunded, total.currency),
        )
        for total in sum_charges(lost)
    )


def with_unknown_charge(lost: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """Attempts of which it is not known whether, or how much, they were charged."""
    return [
        one
        for one in lost
        if not one.is_refunded
        and (
            one.charge.charged is ChargeStatus.UNKNOWN
            or (one.charge.charged is ChargeStatus.YES and one.charge.amount is None)
        )
    ]


def chart_bars(
    attempts: Sequence[AttemptRecord], *, since: float | None, now: float, t: Translations
) -> tuple[Bar, ...]:
    """Attempts that a provider's filter judged, by UTC days or groups of days; empty if there are none."""
    judged = [one for one in attempts if one.outcome in (AttemptOutcome.PASSED, AttemptOutcome.REFUSED)]
    if not judged:
        return ()
    first = int(min([one.at for one in judged] if since is None else [since]) // _DAY_S)
    last = max(int(max(now, *(one.at for one in judged)) // _DAY_S), first)
    step = math.ceil((last - first + 1) / _MAX_BARS)
    counts = [[0, 0] for _ in range(math.ceil((last - first + 1) / step))]
    for one in judged:
        place = (int(one.at // _DAY_S) - first) // step
        counts[max(0, place)][one.outcome is AttemptOutcome.PASSED] += 1
    scale = CHART_HEIGHT / max(sum(each) for each in counts)
    width = CHART_WIDTH / len(counts)
    return tuple(
        Bar(
            first_day=format_date((first + number * step) * _DAY_S, t),
            last_day=format_date(min(first + (number + 1) * step - 1, last) * _DAY_S, t),
            refused=refused,
            passed=passed,
            x=round(number * width + width * 0.1, 1),
            width=round(width * 0.8, 1),
            refused_height=round(refused * scale, 1),
            passed_height=round(passed * scale, 1),
        )
        for number, (refused, passed) in enumerate(counts)
    )


def pattern_rows(patterns: Sequence[RefusalPattern], kind: str, a: Messages) -> tuple[PatternRow, ...]:
    """The first patterns of one kind, in words."""
    rows = []
    for one in [each for each in patterns if each.kind == kind][:_MAX_PATTERNS]:
        low, high = one.rate.interval
        text = a(
            "page.pattern_few" if one.rate.total < MIN_FOR_SHARE else "page.pattern",
            refused=one.rate.refused,
            total=one.rate.total,
            low=f"{100 * low:.0f}",
            high=f"{100 * high:.0f}",
        )
        value = driver_name(one.value, a.tag) if kind == "driver" else one.value
        rows.append(PatternRow(value=value, text=text, likely=one.is_likely_cause))
    return tuple(rows)


def repeat_rows(repeats: Sequence[RepeatResult], a: Messages) -> tuple[PatternRow, ...]:
    """What it brought to send refused requests again, in words."""
    return tuple(
        PatternRow(
            value=f"{one.provider} ({a(f'repeats.stage.{one.stage}')})", text=one.text(a), likely=False
        )
        for one in repeats[:_MAX_PATTERNS]
    )


def budget_lines(budgets: Mapping[str, RefusalCount], t: Translations, a: Messages) -> tuple[str, ...]:
    """A sentence for each generator of which half of today's budget of refusals is used, without the counts.

    The refusals of all tenants count.
    """
    return tuple(
        a(
            "page.budget_used" if count.is_used else "page.budget_half",
            provider=name,
            until=format_datetime(count.until, t),
        )
        for name, count in budgets.items()
        if count.is_half_used
    )


def drift_lines(drifts: Sequence[Drift], t: Translations, a: Messages) -> tuple[str, ...]:
    """A sentence for each drift, the newest ones, with times as the page shows them."""
    return tuple(one.text(a, format_time=lambda at: format_datetime(at, t)) for one in drifts[:_MAX_DRIFTS])


def attempt_row(attempt: AttemptRecord, t: Translations, a: Messages) -> AttemptLine:
    """One row of the table. The cause is judged by the error alone."""
    gate = find_gate(attempt, ())
    return AttemptLine(
        id=attempt.id,
        time=format_datetime(attempt.at, t),
        iso=format_iso(attempt.at),
        provider=attempt.provider,
        model=attempt.model,
        stage=a(f"page.stage.{attempt.stage}") if attempt.stage in ("input", "output") else "–",
        outcome=a(f"outcome.{attempt.outcome.value}"),
        tone=TONES.get(attempt.outcome, "none"),
        charge=charge_text(attempt, a),
        cause="" if gate is None else a(f"gate.{gate.gate.value}"),
        prompt=truncate(attempt.prompt or "", 80),
        reported=attempt.is_reported,
    )


def charge_text(attempt: AttemptRecord, a: Messages) -> str:
    """Whether it was charged, the amount, and what was refunded."""
    charge = attempt.charge
    if charge.charged is ChargeStatus.YES and charge.amount is not None:
        text = a("charge.amount", amount=format_money(charge.amount, charge.currency))
    else:
        text = a(f"charge.{charge.charged.value}")
    if not attempt.refunds:
        return text
    if not attempt.refunded_amount:
        return a("page.refunded", charge=text, amount=a("yes"))
    amount = format_money(attempt.refunded_amount, charge.currency)
    return a("page.refunded", charge=text, amount=amount)
