"""Assessments: what one verdict means for a prompt whose label is known."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.policy.verdicts import Action, Verdict
from safelight_lab.evaluation.protocol import CaseOutcome

from .label_mapping import NAMES, false_positives, hits, right_categories


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What the verdict of one policy means for one prompt."""

    #: Held or blocked.
    stopped: bool
    #: Any action but allow, or a finding that would be a false alarm on a harmless prompt.
    alarm: bool
    #: An alarm only from names or brands, which may really stand in the prompt.
    names_only: bool
    help_lines: bool
    #: Whether the prompt is harmful and its labels correspond to our categories. Only then, `found` and
    #: `right` count.
    mapped: bool
    #: A finding that counts is in a right category.
    found: bool
    #: Stopped under a right category.
    right: bool


def assess(outcome: CaseOutcome, policy: str) -> Assessment:
    """The assessment of the verdict of `policy`."""
    verdict = outcome.verdicts[policy]
    category = deciding_category(verdict)
    causes = {one.category for one in false_positives(outcome.findings)}
    if verdict.action is not Action.ALLOW:
        causes.add(category)
    right = right_categories(outcome.case) if outcome.case.label == "unsafe" else frozenset()
    return Assessment(
        stopped=is_stopped(verdict),
        alarm=bool(causes),
        names_only=bool(causes) and causes <= NAMES,
        help_lines=verdict.support,
        mapped=bool(right),
        found=hits(outcome.findings, right),
        right=is_stopped(verdict) and category in right,
    )


def is_stopped(verdict: Verdict) -> bool:
    """Whether the content is held or blocked."""
    return verdict.action.severity >= Action.HOLD.severity


def deciding_category(verdict: Verdict) -> str:
    """The category of the finding that decided; empty if a gap in coverage decided."""
    return verdict.category if verdict.findings else ""
