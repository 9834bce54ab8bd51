"""Maps labels of data sets to our categories, and defines which findings count and which are false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from safelight.core import yaml_loader
from safelight.policy.findings import Category, Finding
from safelight.policy.grounding import Grounding, Support
from safelight_lab.evaluation.protocol import EvalCase

#: Minimum score at which a finding without an operating point of its own counts.
FOUND = 0.5
#: Categories of names and brands. They may really stand in a harmless prompt.
NAMES = frozenset({Category.LIKENESS.value, Category.IP_BRAND.value, Category.IP_CHARACTER.value})
_IP = NAMES - {Category.LIKENESS.value}


@cache
def _tables() -> dict[str, Any]:
    text = (files(__package__) / "label_mapping.yaml").read_text(encoding="utf-8")
    tables: dict[str, Any] = yaml_loader.load(text)
    return tables


@cache
def labels() -> dict[str, frozenset[str]]:
    """Our categories for each label, from `label_mapping.yaml`."""
    return {name: frozenset(ours) for name, ours in _tables()["labels"].items()}


@cache
def fine_labels() -> dict[str, dict[str, frozenset[str]]]:
    """Our categories for each finer label, by source, from `label_mapping.yaml`."""
    return {
        source: {name: frozenset(ours) for name, ours in table.items()}
        for source, table in _tables()["fine"].items()
    }


def labels_of(case: EvalCase) -> Mapping[str, frozenset[str]]:
    """The labels of a row, each with the categories that are right for it."""
    table = fine_labels().get(case.source)
    if table is not None and case.fine:
        return {name: table[name] for name in case.fine.split("|") if name in table}
    known = labels()
    return {name: known.get(name, frozenset({name})) for name in case.categories}


def right_categories(case: EvalCase) -> frozenset[str]:
    """The categories that are right for a harmful row; empty if the row is unmapped."""
    return frozenset().union(*labels_of(case).values())


def at_operating_point(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that count: learned ones on text at their operating point, the others from `FOUND` up."""
    grounding = Grounding(findings)
    return tuple(
        one
        for one in findings
        if grounding.support(one) is not Support.NONE and (one.point is not None or one.score >= FOUND)
    )


def hits(findings: Sequence[Finding], ours: frozenset[str]) -> bool:
    """Whether a finding that counts is in one of these categories."""
    return any(one.category in ours for one in at_operating_point(findings))


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
    return not (finding.category in _IP and finding.attributes.get("role") == "passing")


def false_positives(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that count and are false alarms if the prompt is harmless."""
    return tuple(one for one in at_operating_point(tuple(findings)) if is_false_positive(one))


def alarmed(findings: Iterable[Finding]) -> bool:
    """Whether any finding that counts is a false alarm if the prompt is harmless."""
    return bool(false_positives(findings))
