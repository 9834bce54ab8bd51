"""What counts: which of our categories answer somebody else's label, and what is a false alarm."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from safelight import yaml_loader
from safelight.policy.categories import Category
from safelight.policy.findings import Finding

#: From this probability on a finding counts as found: the operating point of every detector.
FOUND = 0.5
_NAMES = frozenset({Category.IP_BRAND.value, Category.IP_CHARACTER.value})


@cache
def labels() -> dict[str, frozenset[str]]:
    """Our categories by label, from `label_mapping.yaml`."""
    text = (files("safelight.evaluation") / "label_mapping.yaml").read_text(encoding="utf-8")
    return {name: frozenset(ours) for name, ours in yaml_loader.load(text)["labels"].items()}


def hits(findings: Iterable[Finding], wanted: Iterable[str]) -> bool:
    """Whether any of the labels is answered by a finding over its operating point."""
    known = labels()
    ours = frozenset(name for label in wanted for name in (*known.get(label, ()), label))
    return any(one.score >= FOUND and one.category in ours for one in findings)


def is_false_positive(finding: Finding) -> bool:
    """Whether a finding on something harmless is a false alarm: a fact about the scene is none.

    That a child, a named person or a face is there is such a fact, and so is a brand in passing.
    """
    if finding.category == Category.MINORS_PRESENT:
        return False
    named = finding.attributes.get("named") or finding.attributes.get("kind") == "face"
    if finding.category == Category.LIKENESS and named:
        return False
    return not (finding.category in _NAMES and finding.attributes.get("role") == "passing")


def alarmed(findings: Iterable[Finding]) -> bool:
    """Whether any finding over its operating point is a false alarm, were the prompt harmless."""
    return any(one.score >= FOUND and is_false_positive(one) for one in findings)
