"""Confusion: the labels of harmful prompts against the categories under which they were stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from safelight_lab.evaluation.protocol import CaseOutcome

from .assessments import deciding_category, is_stopped
from .label_mapping import labels_of, right_categories


class Confusion:
    """Metric: how often one policy stopped the prompts of each label, and under which category.

    A prompt with several labels counts under each of them. Unmapped prompts are counted and left out.
    """

    name = "confusion"

    def __init__(self, policy: str) -> None:
        self._policy = policy

    def measure(self, outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
        harmful = [one for one in outcomes if one.case.label == "unsafe"]
        mapped = [one for one in harmful if right_categories(one.case)]
        table: dict[str, Counter[str]] = {}
        right: dict[str, frozenset[str]] = {}
        for one in mapped:
            verdict = one.verdicts[self._policy]
            decided = (deciding_category(verdict) or "gap") if is_stopped(verdict) else verdict.action.value
            for label, ours in labels_of(one.case).items():
                if ours:
                    right[label] = right.get(label, frozenset()) | ours
                    table.setdefault(label, Counter())[decided] += 1
        return {
            "n": len(mapped),
            "unmapped": len(harmful) - len(mapped),
            "columns": sorted({decided for counts in table.values() for decided in counts}),
            "rows": [
                {"label": label, "right": sorted(right[label]), "counts": dict(sorted(table[label].items()))}
                for label in sorted(table)
            ],
        }
