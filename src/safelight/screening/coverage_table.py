"""The expected coverage of each category and modality: the response of `GET /v1/coverage`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from safelight.core.i18n import name_categories, name_checks
from safelight.detectors.registry import MissingDetector
from safelight.policy.decisions import required_coverage
from safelight.policy.documents import Policy
from safelight.policy.findings import Cell, Coverage, Modality, Stage, Taxonomy
from safelight.policy.rules import Clause, Rule
from safelight.policy.waivers import Waiver, covers, waived_categories

from .coverage_limits import reason_unsupported

_SCREENING_STAGES = (Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT)


def required_cells(policy: Policy, taxonomy: Taxonomy) -> tuple[Cell, ...]:
    """Every coverage cell that the policy requires in any stage."""
    table = Coverage()
    for stage in _SCREENING_STAGES:
        table = table.merge(required_coverage(policy, taxonomy, stage, frozenset(Modality)))
    return table.cells


def coverage_table(
    policy: Policy,
    taxonomy: Taxonomy,
    *,
    cells: Iterable[Cell],
    missing: Iterable[MissingDetector],
    waivers: Sequence[Waiver],
) -> dict[str, Any]:
    """The coverage table as JSON. `cells` are the required cells, merged with those of the detectors."""
    return {
        "object": "coverage",
        "policy": {"name": policy.name, "version": policy.version, "sha256": policy.sha256},
        "cells": [_cell(cell, policy, taxonomy, waivers) for cell in cells],
        "missing": [{"detector": one.name, "message": one.sentence} for one in missing],
        "waivers": [
            {
                "name": waiver.name,
                "decided_by": waiver.decided_by,
                "reason": waiver.reason,
                "categories": list(waiver.categories),
                "created_at": waiver.created_at,
                "expires_at": waiver.expires_at,
            }
            for waiver in waivers
        ],
    }


def describe_waiver_scope(
    checks: Mapping[str, Iterable[str]], categories: Iterable[str], taxonomy: Taxonomy, tag: str
) -> str:
    """The missing checks that a waiver excuses now, by modality; if there are none, its categories."""
    if checks:
        return name_checks(checks, tag)
    return name_categories(waived_categories(categories, taxonomy), tag)


def waived_checks(table: Mapping[str, Any], waiver: str) -> dict[str, tuple[str, ...]]:
    """The categories by modality that are not checked and that this waiver excuses."""
    excused = [(cell["category"], cell["modality"]) for cell in table["cells"] if waiver in cell["waived_by"]]
    return {
        modality.value: found
        for modality in Modality
        if (found := tuple(sorted(category for category, one in excused if one == modality.value)))
    }


def _list_actions(policy: Policy, category: str, modality: Modality) -> list[str]:
    """What the rules of the policy do with real findings of the cell alone, the strictest action first."""
    found = {
        rule.action
        for rule in policy.rules
        for clause in _deciding_clauses(rule)
        if not clause.test_card
        and category in clause.categories
        and modality in (clause.modalities or Modality)
    }
    return [action.value for action in sorted(found, key=lambda action: -action.severity)]


def _deciding_clauses(rule: Rule) -> tuple[Clause, ...]:
    """The clauses of which one is enough for the rule. A conjunction has none."""
    required = ((rule.when,) if rule.when is not None else ()) + rule.all_of
    if rule.any_of:
        return () if required else rule.any_of
    return required if len(required) == 1 else ()


def _cell(cell: Cell, policy: Policy, taxonomy: Taxonomy, waivers: Sequence[Waiver]) -> dict[str, Any]:
    hole = cell.required and not cell.available
    return {
        "category": cell.category,
        "modality": cell.modality.value,
        "status": "checked" if cell.available else ("not checked" if cell.required else "off"),
        "required": cell.required,
        "available": cell.available,
        "detectors": list(cell.detectors),
        "note": reason_unsupported(cell.category, cell.modality) if hole else "",
        "measured": cell.measured,
        "actions": _list_actions(policy, cell.category, cell.modality),
        "waived_by": [
            waiver.name for waiver in waivers if hole and covers(waiver.terms, cell.category, taxonomy)
        ],
    }
