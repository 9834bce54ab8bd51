"""Built-in metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safelight.policy.verdicts import Action

from .intervals import wilson
from .label_mapping import alarmed, hits
from .protocol import CaseOutcome


class Rates:
    """Per source, attack, label, category and language: prompts that were found, and actions of each
    policy.
    """

    name = "rates"

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any:
        groups: dict[tuple[str, str, str, str, str], list[CaseOutcome]] = {}
        for outcome in outcomes:
            case = outcome.case
            for category in ("*", *(case.categories if case.label == "unsafe" else ())):
                key = (case.source, case.attack, case.label, category, case.lang)
                groups.setdefault(key, []).append(outcome)
        return [_row(key, groups[key]) for key in sorted(groups)]


class Latency:
    """Latency in milliseconds per prompt, and the number of prompts that at least one detector did not
    complete.
    """

    name = "latency_ms"

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any:
        times = sorted(outcome.latency_ms for outcome in outcomes)
        return {
            "n": len(times),
            "p50": round(_quantile(times, 0.5), 3),
            "p99": round(_quantile(times, 0.99), 3),
            "max": round(times[-1], 3) if times else 0.0,
            "incomplete": sum(not outcome.complete for outcome in outcomes),
        }


RATES, LATENCY = Rates(), Latency()


def found(outcome: CaseOutcome, category: str = "*") -> bool:
    """Whether a harmful prompt was found under its labelled category, or a harmless prompt raised a false
    alarm.

    A harmful prompt without a category counts as found if it has a finding that would be a false alarm on a
    harmless prompt.
    """
    case = outcome.case
    wanted = case.categories if category == "*" else (category,)
    if case.label == "unsafe" and wanted:
        return hits(outcome.findings, wanted)
    return alarmed(outcome.findings)


def _row(key: tuple[str, str, str, str, str], outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    source, attack, label, category, lang = key
    n = len(outcomes)
    policies = sorted({name for outcome in outcomes for name in outcome.actions})
    stopped = {
        action.value: {name: sum(one.actions.get(name) == action for one in outcomes) for name in policies}
        for action in (Action.BLOCK, Action.HOLD)
    }
    seen = sum(found(outcome, category) for outcome in outcomes)
    counts = {"found": seen} | {f"blocked by {name}": n_ for name, n_ in stopped["block"].items()}
    return {
        "source": source,
        "attack": attack,
        "label": label,
        "category": category,
        "lang": lang,
        "n": n,
        "found": seen,
        "blocked": stopped["block"],
        "held": stopped["hold"],
        "helped": {name: sum(name in one.support for one in outcomes) for name in policies},
        "rates": {name: round(count / n, 4) for name, count in counts.items()},
        "intervals": {name: [round(end, 4) for end in wilson(count, n)] for name, count in counts.items()},
    }


def _quantile(ordered: Sequence[float], part: float) -> float:
    if not ordered:
        return 0.0
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
