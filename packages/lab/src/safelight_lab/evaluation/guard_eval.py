"""Measures a guard model on labelled prompts by our categories, only from the guard's own findings. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from safelight.detectors.remote.text_guard import GuardMeasurements, Proportion
from safelight_lab.evaluation.protocol import CaseOutcome

from .label_mapping import FOUND, alarmed


class GuardFigures:
    """Metric: how often the guard found each of our categories, and its false alarms.

    Prompts that the guard did not answer are counted in `unanswered` and in no rate. Only labels that are
    names of our categories count, because a label of another data set may correspond to several of our
    categories.
    """

    name = "guard"

    def __init__(self, version: str, categories: Iterable[str], sets: Sequence[str], date: dt.date) -> None:
        self._version, self._sets, self._date = version, tuple(sets), date
        self._categories = frozenset(categories)

    def measure(self, outcomes: Sequence[CaseOutcome]) -> GuardMeasurements:
        answered = [one for one in outcomes if one.complete]
        safe = [one for one in answered if one.case.label == "safe"]
        found: dict[str, list[bool]] = {}
        for one in answered:
            if one.case.label == "unsafe":
                for category in self._categories.intersection(one.case.categories):
                    seen = any(f.score >= FOUND and f.category == category for f in one.findings)
                    found.setdefault(category, []).append(seen)
        return GuardMeasurements(
            date=self._date.isoformat(),
            version=self._version,
            data_sha256s=self._sets,
            unanswered=len(outcomes) - len(answered),
            harmless=Proportion(found=sum(alarmed(one.findings) for one in safe), n=len(safe)),
            categories={
                category: Proportion(found=sum(seen), n=len(seen)) for category, seen in sorted(found.items())
            },
        )
