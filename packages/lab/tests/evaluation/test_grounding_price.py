"""Stored rows decided again with one rule of grounding lifted."""

from __future__ import annotations

from typing import Any

from bench.grounding_price import CONJUNCTIONS, LIFTS, count

from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED

STARTER = load("starter", SHIPPED)
POINT = {
    "voice": "english",
    "language": "en",
    "length": "4-8",
    "score": 0.5,
    "false_alarm_rate": 0.001,
    "low": 0.0,
    "high": 0.002,
    "sample": 5000,
}


def found(category: str, score: float, **more: Any) -> dict[str, Any]:
    learned = {"basis": "learned", "detector": "a", "reason": "", "attributes": {}, "point": POINT}
    return {**learned, "category": category, "score": score, **more}


def changed(*findings: dict[str, Any], label: str = "unsafe") -> dict[str, tuple[int, int]]:
    """Stopped and blocked rows under each lift that decides otherwise than `starter` does."""
    counted = count([{"label": label, "found": list(findings)}], STARTER)
    kind = "harmless" if label == "safe" else "harmful"
    rates = {name: (one[f"{kind} stopped"], one[f"{kind} blocked"]) for name, one in counted.items()}
    return {name: rate for name, rate in rates.items() if rate != rates["nothing"]}


def test_every_rule_has_a_row_and_harmful_and_harmless_rows_are_counted_apart() -> None:
    counted = count([{"label": "safe", "found": []}, {"label": "unsafe", "found": []}], STARTER)
    assert set(counted) == {*LIFTS, CONJUNCTIONS}
    assert all((one["harmful"], one["harmless"]) == (1, 1) for one in counted.values())


def test_rejected_hatred_is_stopped_only_if_that_rule_is_lifted() -> None:
    rejected = found("hate", 0.9, attributes={"rejected": True})
    assert changed(rejected, label="safe") == {"hatred that the text rejects counts for nothing": (1, 0)}


def test_a_lone_score_is_blocked_only_if_that_rule_is_lifted() -> None:
    assert changed(found("hate", 0.9)) == {"one learned voice alone holds and does not block": (1, 1)}


def test_a_sexual_score_beside_a_child_is_blocked_if_it_counts_as_composed() -> None:
    child = found("minors-present", 0.9, basis="matched", point=None)
    assert changed(child, found("sexual", 0.7))[
        "beside a sign of a minor, the sexual part is not learned"
    ] == (1, 1)
