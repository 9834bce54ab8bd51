"""Row results: everything that was decided about one prompt, as a line of JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.findings import Taxonomy, to_json
from safelight_lab.evaluation.protocol import CaseOutcome

from .assessments import deciding_category
from .expectations import differences


def format_row(outcome: CaseOutcome, policy: str, taxonomy: Taxonomy) -> str:
    """The line for one prompt, under `policy`. It contains the text of the prompt."""
    case, verdict = outcome.case, outcome.verdicts[policy]
    reviewer, developer = (
        explain(verdict, taxonomy, level=level)
        for level in (ExplanationLevel.REVIEWER, ExplanationLevel.DEVELOPER)
    )
    row: dict[str, Any] = {
        "id": case.id,
        "sha256": hashlib.sha256(case.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "text": case.text,
        "lang": case.lang,
        "label": case.label,
        "source": case.source,
        "kind": case.kind,
        "group": case.group,
        "attack": case.attack,
        "action": verdict.action.value,
        "rule": verdict.rule,
        "category": deciding_category(verdict),
        "reason": verdict.reason,
        "explained": {
            "reviewer": list(reviewer.categories),
            "developer": list(developer.categories),
            "group": developer.group,
        },
        "found": [_format_finding(finding) for finding in map(to_json, outcome.findings)],
        "help_lines": verdict.support,
        "learned_alone": verdict.learned_alone,
        "gaps": [cell.category for cell in verdict.gaps],
        "checked_by_lists": list(outcome.checked_by_lists),
        "ms": round(outcome.latency_ms, 2),
    }
    if case.expect:
        row |= {
            "expect": sorted(action.value for action in case.expect),
            "categories": list(case.categories),
            "help_ok": case.help_ok,
            "differences": list(differences(outcome, policy)),
        }
    return json.dumps(row, ensure_ascii=False)


def _format_finding(finding: dict[str, Any]) -> dict[str, Any]:
    kept = ("category", "score", "basis", "detector", "reason", "attributes", "point")
    return {name: finding[name] for name in kept}
