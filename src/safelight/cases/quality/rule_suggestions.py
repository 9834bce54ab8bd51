"""Rules that are wrong too often, from appeals, quality reviews and samples. Nothing is changed by this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.cases.appeals import OverturnRate
from safelight.core.errors import Conflict
from safelight.policy.documents import Policy, load
from safelight.policy.draft import DraftDirection, write_draft
from safelight.policy.findings import Taxonomy
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.statistics import MIN_ANSWERS, MIN_CASES, wilson

from .rule_answers import RuleAnswers, RuleCount

#: A rule that stops videos is named if the lower end of the interval of its rate of errors is above this:
#: one wrong stop of ten is a reason to look at a rule.
MAX_WRONG = 0.1
#: The same for a rule that misses harm, as part of all delivered videos of a stratum.
MAX_MISSED = 0.001


class SuggestionSource(StrEnum):
    APPEALS = "appeals"
    REVIEWS = "reviews"
    SAMPLES = "samples"


@dataclass(frozen=True, kw_only=True)
class RuleSuggestion:
    """A rule that is wrong too often, and the direction in which a change would help."""

    rule: str
    source: SuggestionSource
    direction: DraftDirection
    wrong: int
    of: int
    interval: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "source": self.source.value,
            "direction": self.direction.value,
            "wrong": self.wrong,
            "of": self.of,
            "rate": round(self.wrong / self.of, 4),
            "interval_95": [round(end, 4) for end in self.interval],
        }


def suggest_rules(rates: Iterable[OverturnRate], answers: RuleAnswers) -> tuple[RuleSuggestion, ...]:
    """The rules whose rate of errors is too high, by the lower end of Wilson's interval; the worst first.

    Of several samples the worst counts.
    """
    appealed = [RuleCount(rule=one.rule, wrong=one.overturned, of=one.decided) for one in rates]
    found = [
        *_above(appealed, SuggestionSource.APPEALS),
        *_above(answers.stopped, SuggestionSource.REVIEWS),
        *_above(answers.missed, SuggestionSource.SAMPLES),
    ]
    worst: dict[tuple[str, str], RuleSuggestion] = {}
    for one in sorted(found, key=lambda one: (-one.interval[0], one.rule, one.source)):
        worst.setdefault((one.rule, one.source), one)
    return tuple(worst.values())


def draft_for(one: RuleSuggestion, current: Policy, taxonomy: Taxonomy) -> str | None:
    """A policy that differs from the one in force in this rule, as YAML; None if it cannot be changed."""
    shipped = [load(name, taxonomy) for name in SHIPPED_NAMES]
    try:
        return write_draft(current, shipped, one.rule, one.direction)
    except Conflict:
        return None


def _above(counts: Iterable[RuleCount], source: SuggestionSource) -> Iterable[RuleSuggestion]:
    is_sample = source is SuggestionSource.SAMPLES
    least, limit = (MIN_ANSWERS, MAX_MISSED) if is_sample else (MIN_CASES, MAX_WRONG)
    for count in counts:
        if not count.rule or count.of < least:
            continue
        interval = wilson(count.wrong, count.of)
        if interval[0] > limit:
            yield RuleSuggestion(
                rule=count.rule,
                source=source,
                direction=DraftDirection.STRICTER if is_sample else DraftDirection.MILDER,
                wrong=count.wrong,
                of=count.of,
                interval=interval,
            )
