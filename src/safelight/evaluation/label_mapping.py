"""Maps labels of foreign data sets to our categories, and defines false positives."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from safelight import yaml_loader
from safelight.policy.categories import Category
from safelight.policy.findings import Finding

#: A finding counts as found from this probability: the operating point of every detector.
FOUND = 0.5
_NAMES = frozenset({Category.IP_BRAND.value, Category.IP_CHARACTER.value})


@cache
def labels() -> dict[str, frozenset[str]]:
    """Our categories by label, from `label_mapping.yaml`."""
    text = (files("safelight.evaluation") / "label_mapping.yaml").read_text(encoding="utf-8")
    return {name: frozenset(ours) for name, ours in yaml_loader.load(text)["labels"].items()}


def hits(findings: Iterable[Finding], wanted: Iterable[str]) -> bool:
    """Whether a finding above its operating point matches one of the labels."""
    known = labels()
    ours = frozenset(name for label in wanted for name in (*known.get(label, ()), label))
    return any(one.score >= FOUND and one.category in ours for one in findings)


def is_false_positive(finding: Finding) -> bool:
    """Whether a finding on harmless content is a false alarm.

    Facts about the scene are not: a child, a named person, a face, or a brand in passing.
    """
    if finding.category == Category.MINORS_PRESENT:
        return False
    named = finding.attributes.get("named") or finding.attributes.get("kind") == "face"
    if finding.category == Category.LIKENESS and named:
        return False
    return not (finding.category in _NAMES and finding.attributes.get("role") == "passing")


def alarmed(findings: Iterable[Finding]) -> bool:
    """Whether any finding above its operating point is a false alarm, assuming a harmless prompt."""
    return any(one.score >= FOUND and is_false_positive(one) for one in findings)
