"""What was measured for a check, in words: figures, without the names of files."""

from __future__ import annotations

import re
from datetime import date

from safelight.policy.findings import Modality
from safelight.policy.measurements import (
    Measurement,
    MeasurementRun,
    PromptMeasurement,
    find_measurement,
    load_shipped_prompts,
)
from safelight.policy.statistics import format_percent, wilson

from .translations import Translations, translate_note

#: The name of a documentation page, with the punctuation before it.
_PAGE = re.compile(r"[,;]?\s*(?:[\w-]+/)*[\w-]+\.md")


def describe_measured(
    measured: str | None, category: str, modality: Modality, t: Translations
) -> tuple[str, ...]:
    """Everything that was measured for a cell, with the dates. `measured` is the cell's own sentence."""
    known, stated = find_measurement(category, modality), measured or ""
    parts = []
    if known is not None:
        run, one = known
        current = is_current(stated, one)
        key = f"coverage.figure_{run.content}" + ("" if current else "_earlier")
        parts.append(t(key, figure=_format_figure(run, one, t), day=format_run_day(run, t)))
        stated = "" if current else stated
    if own := _own_figure(stated, t):
        parts.append(t("scan.reason", reason=own))
    if is_prompts_page(stated):
        parts.append(describe_prompts(t))
    return tuple(parts) or (t("coverage.unmeasured"),)


def format_share(category: str, modality: Modality) -> str:
    """The share that was found in the shipped measurement of a cell, such as `70 %`; empty if it has none."""
    known = find_measurement(category, modality)
    return format_percent(known[1].found, known[1].segments) if known is not None else ""


def describe_prompts(t: Translations) -> str:
    """What was measured for all text checks together, with its date."""
    day = format_run_day(load_shipped_prompts(), t)
    return t("coverage.figure_prompts", figure=_format_prompts(t), day=day)


def is_current(measured: str | None, one: Measurement) -> bool:
    """Whether the figure is that of the installed versions: only then the cell's own sentence has it."""
    return (measured or "").startswith(f"{one.what}: {one.found} of {one.segments} ")


def _format_figure(run: MeasurementRun, one: Measurement, t: Translations) -> str:
    low, high = wilson(one.found, one.segments)
    if run.content == "prompts":
        return t(
            "coverage.acts",
            found=one.found,
            stopped=one.stopped,
            policy=next(iter(run.policy)),
            all=one.segments,
            low=f"{100 * low:.0f}",
            high=f"{100 * high:.0f}",
            alarms=one.false_alarms,
            harmless=one.safe_clips,
        )
    return translate_note(
        f"{one.what}: {one.found} of {one.segments} found ({100 * low:.0f} to {100 * high:.0f} %); "
        f"false alarms: {one.false_alarms} of {one.safe_clips}",
        t,
    )


def _format_prompts(t: Translations) -> str:
    run = load_shipped_prompts()
    low, high = wilson(run.found, run.harmful)
    return t(
        "coverage.prompts",
        found=f"{run.found:,}",
        all=f"{run.harmful:,}",
        low=f"{100 * low:.0f}",
        high=f"{100 * high:.0f}",
        alarms=run.false_alarms,
        harmless=f"{run.harmless:,}",
    )


def _own_figure(stated: str, t: Translations) -> str:
    return translate_note(_PAGE.sub("", stated).strip(), t)


def is_prompts_page(stated: str) -> bool:
    """Whether what a cell states is the page of the text checks, which are measured together."""
    return stated == load_shipped_prompts().page


def format_run_day(run: MeasurementRun | PromptMeasurement, t: Translations) -> str:
    """The day of a measurement run."""
    day, months = date.fromisoformat(run.made), t("time.months").split(" ")
    return t("time.day", day=day.day, month=months[day.month - 1], year=day.year)
