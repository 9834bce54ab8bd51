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
from safelight.web.translations import Translations, translate_note

#: The name of a documentation page, with the punctuation before it.
_PAGE = re.compile(r"[,;]?\s*(?:[\w-]+/)*[\w-]+\.md")


def describe_measured(
    measured: str | None, category: str, modality: Modality, t: Translations
) -> tuple[str, ...]:
    """What was measured for a cell, with the date. `measured` is the cell's own sentence."""
    if known := current_measurement(measured, category, modality):
        run, one = known
        day = format_run_day(run, t)
        return (t(f"coverage.figure_{run.content}", figure=_format_figure(run, one, t), day=day),)
    stated = measured or ""
    if is_prompts_page(stated):
        return (describe_prompts(t),)
    own = translate_note(_PAGE.sub("", stated).strip(), t)
    return (t("scan.reason", reason=own) if own else t("coverage.unmeasured"),)


def format_share(measured: str | None, category: str, modality: Modality) -> str:
    """The share that was found in the measurement of a cell, such as `70 %`; empty if it has none."""
    known = current_measurement(measured, category, modality)
    return format_percent(known[1].found, known[1].segments) if known is not None else ""


def describe_prompts(t: Translations) -> str:
    """What was measured for all text checks together, with its date."""
    day = format_run_day(load_shipped_prompts(), t)
    return t("coverage.figure_prompts", figure=_format_prompts(t), day=day)


def current_measurement(
    measured: str | None, category: str, modality: Modality
) -> tuple[MeasurementRun, Measurement] | None:
    """The shipped measurement of a cell if it is that of the installed versions: only then the cell's own
    sentence has its figure.
    """
    known = find_measurement(category, modality)
    if known is None or not (measured or "").startswith(
        f"{known[1].what}: {known[1].found} of {known[1].segments} "
    ):
        return None
    return known


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


def is_prompts_page(stated: str) -> bool:
    """Whether what a cell states is the page of the text checks, which are measured together."""
    return stated == load_shipped_prompts().page


def format_run_day(run: MeasurementRun | PromptMeasurement, t: Translations) -> str:
    """The day of a measurement run."""
    day, months = date.fromisoformat(run.made), t("time.months").split(" ")
    return t("time.day", day=day.day, month=months[day.month - 1], year=day.year)
