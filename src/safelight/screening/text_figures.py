"""One sentence on how well text is checked, for the first pages and commands. `t` has the texts of pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from safelight.core.i18n import Messages, name_category
from safelight.policy.findings import CoverageStatus, Modality
from safelight.policy.measurements import (
    ACTS_WITHOUT_E5,
    MeasuredWithout,
    PromptMeasurement,
    load_shipped_acts,
    load_shipped_prompts,
)
from safelight.policy.statistics import format_percent

from .coverage_count import Check, count_complete, counted, installed_checks


def describe_text_checks(checks: Iterable[Check], detectors: Collection[str], t: Messages) -> str:
    """One sentence: how many checks of text run, what they find and what they stop wrongly.

    Measured with all models, and without some of them; any other set of checks is unmeasured. `detectors`:
    those that run as they were measured.
    """
    text = frozenset(check for check in checks if check[1] == Modality.TEXT.value)
    ran, total = count_complete(text)
    run, acts = load_shipped_prompts(), load_shipped_acts()
    if ran == total and {*run.detectors, *acts.detectors} <= set(detectors):
        worst = min(acts.cells, key=lambda one: one.found / one.segments)
        return t(
            "coverage.text_measured",
            n=ran,
            share=format_percent(run.found, run.harmful),
            worst=name_category(worst.category, t.tag),
            worst_found=format_percent(worst.found, worst.segments),
            worst_stopped=format_percent(worst.stopped or 0, worst.segments),
            stopped=format_percent(run.stopped, run.harmless),
        )
    less = _find_measured_without(run, text, set(detectors))
    if less is None:
        return t("coverage.text_unmeasured", n=ran, all=total)
    return t(
        "coverage.text_without",
        n=ran,
        all=total,
        models=t("list.separator").join(less.models),
        share=format_percent(less.found, run.harmful),
        full=format_percent(run.found, run.harmful),
        stopped=format_percent(less.stopped, run.harmless),
    )


def _find_measured_without(
    run: PromptMeasurement, text: frozenset[Check], detectors: set[str]
) -> MeasuredWithout | None:
    """The measurement of an installation that lacks only models; None if other checks are missing too."""
    acts = {one.category for one in load_shipped_acts().cells}
    complete = {category for category, _, status in text if status == CoverageStatus.CHECKED.value}
    gaps = {category for category, _, _ in counted(text)} - complete
    for less in run.without:
        acts_as_measured = acts <= complete if less.acts else not acts & complete
        missing = set(run.detectors) - set(less.detectors)
        if acts_as_measured and gaps <= acts and set(less.detectors) <= detectors and not missing & detectors:
            return less
    return None


def describe_installed_text(table: Mapping[str, Any], t: Messages) -> str:
    """The same sentence for the coverage table of an installation."""
    detectors = {
        name
        for cell in table["cells"]
        if cell["modality"] == Modality.TEXT.value and cell["measured"] != ACTS_WITHOUT_E5
        for name in cell["detectors"]
    }
    return describe_text_checks(installed_checks(table), detectors, t)
