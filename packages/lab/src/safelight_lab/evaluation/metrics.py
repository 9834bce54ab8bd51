"""Built-in metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action
from safelight_lab.evaluation.protocol import CaseOutcome

from .label_mapping import alarmed, hits, labels_of, right_categories


class Rates:
    """Per source, attack, label, category and language: prompts that were found, and actions of each
    policy.
    """

    name = "rates"

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any:
        groups: dict[tuple[str, str, str, str, str], list[CaseOutcome]] = {}
        for outcome in outcomes:
            case = outcome.case
            for category in ("*", *(labels_of(case) if case.label == "unsafe" else ())):
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
    """Whether a harmful prompt was found under a right category, or another prompt raised a false alarm.

    An unmapped harmful prompt, which has no right category, is not found.
    """
    case = outcome.case
    if case.label != "unsafe":
        return alarmed(outcome.findings)
    if category == "*":
        return hits(outcome.findings, right_categories(case))
    return hits(outcome.findings, labels_of(case)[category])


def _row(key: tuple[str, str, str, str, str], outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    source, attack, label, category, lang = key
    n = len(outcomes)
    unmapped = sum(label == "unsafe" and not right_categories(one.case) for one in outcomes)
    policies = sorted({name for outcome in outcomes for name in outcome.actions})
    stopped = {
        action.value: {name: sum(one.actions.get(name) == action for one in outcomes) for name in policies}
        for action in (Action.BLOCK, Action.HOLD)
    }
    seen = sum(found(outcome, category) for outcome in outcomes)
    shares = {"found": (seen, n - unmapped)} | {
        f"blocked by {name}": (count, n) for name, count in stopped["block"].items()
    }
    return {
        "source": source,
        "attack": attack,
        "label": label,
        "category": category,
        "lang": lang,
        "n": n,
        "unmapped": unmapped,
        "found": seen,
        "blocked": stopped["block"],
        "held": stopped["hold"],
        "helped": {name: sum(name in one.support for one in outcomes) for name in policies},
        "rates": {name: round(count / of, 4) if of else 0.0 for name, (count, of) in shares.items()},
        "intervals": {
            name: [round(end, 4) for end in wilson(count, of)] for name, (count, of) in shares.items()
        },
    }


def _quantile(ordered: Sequence[float], part: float) -> float:
    if not ordered:
        return 0.0
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
