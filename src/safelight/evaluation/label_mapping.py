"""Maps labels of other data sets to our categories, and defines which findings are false positives."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from safelight import yaml_loader
from safelight.policy.categories import Category
from safelight.policy.findings import Finding

#: Minimum score at which a finding counts: the operating point of every detector.
FOUND = 0.5
_NAMES = frozenset({Category.IP_BRAND.value, Category.IP_CHARACTER.value})


@cache
def labels() -> dict[str, frozenset[str]]:
    """Our categories for each label of other data sets, from `label_mapping.yaml`."""
    text = (files("safelight.evaluation") / "label_mapping.yaml").read_text(encoding="utf-8")
    return {name: frozenset(ours) for name, ours in yaml_loader.load(text)["labels"].items()}


def hits(findings: Iterable[Finding], wanted: Iterable[str]) -> bool:
    """Whether a finding at or above the operating point matches one of the labels."""
    known = labels()
    ours = frozenset(name for label in wanted for name in (*known.get(label, ()), label))
    return any(one.score >= FOUND and one.category in ours for one in findings)


def is_false_positive(finding: Finding) -> bool:
    """Whether a finding is a false alarm if the content is harmless.

    Findings that state a fact about the scene are not false alarms: a child, a named person, a face, or a
    brand or character with the role `passing`.
    """
    if finding.category == Category.MINORS_PRESENT:
        return False
    named = finding.attributes.get("named") or finding.attributes.get("kind") == "face"
    if finding.category == Category.LIKENESS and named:
        return False
    return not (finding.category in _NAMES and finding.attributes.get("role") == "passing")


def alarmed(findings: Iterable[Finding]) -> bool:
    """Whether any finding at or above the operating point is a false alarm if the prompt is harmless."""
    return any(one.score >= FOUND and is_false_positive(one) for one in findings)
