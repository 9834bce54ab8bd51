"""What was measured for a check, in words: figures, without the names of files."""

from __future__ import annotations

import re
from datetime import date

from safelight.policy.findings import Modality
from safelight.policy.measurements import Measurement, load_shipped, load_shipped_prompts
from safelight.policy.statistics import wilson

from .translations import Translations, translate_note

#: The name of a documentation page, with the punctuation before it.
_PAGE = re.compile(r"[,;]?\s*(?:[\w-]+/)*[\w-]+\.md")


def describe_measured(
    measured: str | None, category: str, modality: Modality, t: Translations
) -> tuple[str, ...]:
    """Everything that was measured for a cell, with the dates. `measured` is the cell's own sentence."""
    one, stated = load_shipped().cell(category, modality), measured or ""
    parts = []
    if one is not None:
        # The installation states a figure in its own sentence only if its versions are the measured ones.
        current = stated.startswith(f"{one.what}: {one.found} of {one.segments} ")
        key = "coverage.figure" if current else "coverage.figure_earlier"
        parts.append(t(key, figure=_format_figure(one, t), day=format_measured_day(t)))
        stated = "" if current else stated
    if own := _own_figure(stated, t):
        parts.append(t("scan.reason", reason=own))
    if is_prompts_page(stated):
        parts.append(describe_prompts(t))
    return tuple(parts) or (t("coverage.unmeasured"),)


def describe_prompts(t: Translations) -> str:
    """What was measured for all text checks together, with its date."""
    day = _format_day(load_shipped_prompts().made, t)
    return t("coverage.figure_prompts", figure=_format_prompts(t), day=day)


def list_figures(
    measured: str | None, category: str, modality: Modality, t: Translations, *, current: bool
) -> tuple[str, ...]:
    """The same in short, for a table. `current`: the figure is that of the installed versions."""
    one, stated = load_shipped().cell(category, modality), measured or ""
    figures = []
    if one is not None:
        figures.append(_format_figure(one, t) + ("" if current else " *"))
    if own := _own_figure(stated, t):
        figures.append(own)
    if not figures and is_prompts_page(stated):
        figures.append(_format_prompts(t))
    return tuple(figures) or (t("coverage.unmeasured"),)


def format_measured_day(t: Translations) -> str:
    """The day on which the cells were measured."""
    return _format_day(load_shipped().made, t)


def _format_figure(one: Measurement, t: Translations) -> str:
    low, high = wilson(one.found, one.segments)
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


def _format_day(iso: str, t: Translations) -> str:
    day, months = date.fromisoformat(iso), t("time.months").split(" ")
    return t("time.day", day=day.day, month=months[day.month - 1], year=day.year)
