"""Rate summary: what was stopped, alarmed and found, by language, kind, source and group, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from safelight_lab.evaluation.protocol import CaseOutcome, EvalCase

from .assessments import Assessment, assess
from .intervals import share

_PARTS: dict[str, Callable[[EvalCase], str]] = {
    "all": lambda _case: "all",
    "lang": lambda case: case.lang,
    "kind": lambda case: case.kind,
    "source": lambda case: case.source,
    "group": lambda case: case.group,
}


class RateSummary:
    """Metric: counts of one policy per part of the data and label, each k of n with a 95 % interval."""

    name = "summary"

    def __init__(self, policy: str) -> None:
        self._policy = policy

    def measure(self, outcomes: Sequence[CaseOutcome]) -> list[dict[str, Any]]:
        seen = [(one.case, assess(one, self._policy)) for one in outcomes]
        rows = []
        for part, value_of in _PARTS.items():
            parts: dict[tuple[str, str], list[tuple[EvalCase, Assessment]]] = {}
            for case, one in seen:
                if value := value_of(case):
                    parts.setdefault((value, case.label), []).append((case, one))
            rows += [{"part": part, **_count(*key, parts[key])} for key in sorted(parts)]
        return rows


def _count(value: str, label: str, seen: Sequence[tuple[EvalCase, Assessment]]) -> dict[str, Any]:
    every = [one for _case, one in seen]
    unwanted_help = [one for case, one in seen if not case.help_ok]
    row = {
        "value": value,
        "label": label,
        "n": len(every),
        "stopped": share(sum(one.stopped for one in every), len(every)),
        "alarms": share(sum(one.alarm for one in every), len(every)),
        "alarms_by_names": share(sum(one.names_only for one in every), len(every)),
        "help_lines": share(sum(one.help_lines for one in every), len(every)),
        "help_lines_unwanted": share(sum(one.help_lines for one in unwanted_help), len(unwanted_help)),
    }
    if label == "unsafe":
        mapped = [one for one in every if one.mapped]
        stopped = sum(one.stopped for one in mapped)
        row |= {
            "unmapped": len(every) - len(mapped),
            "found": share(sum(one.found for one in mapped), len(mapped)),
            "stopped_right": share(sum(one.right for one in mapped), len(mapped)),
            "right_of_stopped": share(sum(one.right for one in mapped), stopped),
        }
    return row
