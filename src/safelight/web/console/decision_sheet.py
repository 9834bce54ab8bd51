"""The decision sheet: one printed page with what the policy does, what is found and missing, who signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from safelight.policy.findings import CoverageStatus, Modality, Taxonomy
from safelight.policy.measurements import MeasurementRun
from safelight.policy.statistics import format_percent, wilson
from safelight.screening.coverage_count import installed_checks
from safelight.screening.coverage_table import describe_waiver_scope, waived_checks
from safelight.screening.text_figures import describe_installed_text
from safelight.web.translations import (
    Translations,
    format_date,
    list_checks,
    name_waiver_decider,
    translate_category,
    translate_note,
)

from .coverage import summarize
from .measured_text import current_measurement, format_run_day
from .page_templates import render_template

#: The numbers of the measurement runs, as they stand beside a figure.
_MARKS = "¹²³⁴⁵"


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A category: what the policy does, and for each modality the share found or why there is none."""

    name: str
    mandatory: bool
    actions: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SheetWaiver:
    name: str
    decided_by: str
    scope: str
    #: The day on which it ends, in words.
    until: str


@dataclass(frozen=True, kw_only=True)
class DecisionSheet:
    policy: str
    sha256: str
    made_on: str
    #: The checks by status, which add up to all of them.
    total: str
    text_checks: str
    modalities: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    #: The days of the measurements, by the numbers beside the figures.
    days: tuple[str, ...]
    #: Required checks that are missing: the categories and the reason.
    gaps: tuple[tuple[str, str], ...]
    waivers: tuple[SheetWaiver, ...]


def decision_sheet(
    table: Mapping[str, Any], taxonomy: Taxonomy, t: Translations, *, at: float
) -> DecisionSheet:
    """The sheet for a coverage table. `at` is the time at which it is made."""
    runs: list[MeasurementRun] = []
    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    policy = table["policy"]
    rows = tuple(
        SheetRow(
            name=translate_category(spec.name, t),
            mandatory=spec.name in taxonomy.mandatory,
            actions=_describe_actions([cells[key] for key in sorted(cells) if key[0] == spec.name], t),
            cells=tuple(
                _describe_cell(spec.name, modality, cells.get((spec.name, modality.value)), runs, t)
                for modality in Modality
            ),
        )
        for spec in sorted(taxonomy, key=lambda spec: (spec.name not in taxonomy.mandatory, spec.name))
    )
    return DecisionSheet(
        policy=t("coverage.policy", name=policy["name"], version=policy["version"]),
        sha256=policy["sha256"],
        made_on=format_date(at, t),
        total=summarize(installed_checks(table), t).total,
        text_checks=describe_installed_text(table, t),
        modalities=tuple(t(f"modality.{modality.value}") for modality in Modality),
        rows=rows,
        days=tuple(
            t("sheet.day", mark=mark, what=t(f"sheet.content.{run.content}"), day=format_run_day(run, t))
            for mark, run in zip(_MARKS, runs, strict=False)
        ),
        gaps=tuple(_list_gaps(cells.values(), t)),
        waivers=tuple(
            SheetWaiver(
                name=one["name"],
                decided_by=name_waiver_decider(one["name"], one["decided_by"], t),
                scope=describe_waiver_scope(
                    waived_checks(table, one["name"]), one["categories"], taxonomy, t.tag
                ),
                until=format_date(one["expires_at"], t) if one["expires_at"] else t("coverage.until_revoked"),
            )
            for one in table["waivers"]
        ),
    )


def render_sheet(sheet: DecisionSheet, t: Translations) -> str:
    """The sheet as one HTML document without scripts or external resources."""
    style = files("safelight.web.console").joinpath("static/decision_sheet.css").read_text("utf-8")
    return render_template(
        "decision_sheet.html",
        {"t": t, "sheet": sheet, "style": Markup(style), "static": ""},  # noqa: S704
    )


def _describe_actions(cells: Iterable[Mapping[str, Any]], t: Translations) -> str:
    """What the policy does with findings of a category, the strictest action first; a dash without a rule."""
    actions = dict.fromkeys(action for cell in cells for action in cell["actions"])
    order = ("block", "hold", "label")
    found = [t(f"sheet.action.{action}") for action in order if action in actions]
    return t.join_list(found) or (t("sheet.action.record") if actions else "–")


def _describe_cell(
    category: str,
    modality: Modality,
    cell: Mapping[str, Any] | None,
    runs: list[MeasurementRun],
    t: Translations,
) -> str:
    """The figure of a check, or its status. Adds the run of the figure to `runs`."""
    if cell is None or cell["status"] == CoverageStatus.OFF.value:
        return "–"
    if not cell["detectors"]:
        return t("sheet.waived") if cell["waived_by"] else t("sheet.not_checked")
    known = current_measurement(cell["measured"], category, modality)
    if known is None:
        return t("sheet.unmeasured")
    run, one = known
    if run not in runs:
        runs.append(run)
    low, high = wilson(one.found, one.segments)
    return (
        f"{format_percent(one.found, one.segments)} ({100 * low:.0f}–{100 * high:.0f});"
        f" {one.false_alarms}/{one.safe_clips}{_MARKS[runs.index(run)]}"
    )


def _list_gaps(cells: Iterable[Mapping[str, Any]], t: Translations) -> Iterable[tuple[str, str]]:
    """The required checks that are missing, those with the same reason together."""
    gaps: dict[str, list[tuple[str, str]]] = {}
    for cell in cells:
        if cell["status"] == CoverageStatus.NOT_CHECKED.value:
            check = cell["category"], cell["modality"]
            gaps.setdefault(translate_note(cell["note"], t), []).append(check)
    for reason, checks in gaps.items():
        yield list_checks(checks, t), reason
