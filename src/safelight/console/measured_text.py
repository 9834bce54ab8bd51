"""The measured quality of a check in words: figures, without the names of files."""

from __future__ import annotations

import re
from datetime import date

from safelight.evaluation.intervals import wilson
from safelight.evaluation.measurements import load_shipped
from safelight.policy.findings import Modality

from .formatting import translate_note
from .translations import Translations

#: The name of a documentation page, with the punctuation before it.
_PAGE = re.compile(r"[,;]?\s*(?:[\w-]+/)*[\w-]+\.md")


def format_measured(measured: str | None, category: str, modality: Modality, t: Translations) -> str:
    """The figures of a cell. `measured` is the cell's own sentence; None if the cell is unmeasured."""
    if not measured:
        return t("coverage.unmeasured")
    run = load_shipped()
    one = run.cell(category, modality)
    if one is not None and measured.startswith(f"{one.what}: {one.found} of {one.segments} "):
        low, high = wilson(one.found, one.segments)
        made = date.fromisoformat(run.made)
        return t(
            "coverage.figure",
            what=one.what,
            found=one.found,
            all=one.segments,
            low=round(100 * low),
            high=round(100 * high),
            alarms=one.false_alarms,
            clips=one.safe_clips,
            day=_format_day(made, t),
        )
    return translate_note(_PAGE.sub("", measured).strip(), t) or t("coverage.no_own_figure")


def _format_day(day: date, t: Translations) -> str:
    months = t("time.months").split(" ")
    return t("time.day", day=day.day, month=months[day.month - 1], year=day.year)
