"""The texts of the web pages, and language negotiation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import UTC, datetime
from functools import cache, reduce
from typing import Any

from markupsafe import Markup, escape

from safelight.core.i18n import (
    DEFAULT,
    Messages,
    accepted_language,
    accepted_tags,
    available_languages,
    load_messages,
    load_texts,
    name_category,
    name_checks,
    region_of,
    translate_error,
    translate_finding,
    translate_reason,
    translate_sentence,
)
from safelight.policy.waivers import DEMO

_SLICE = "console"
#: A time in the English sentence of an error.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00")
COOKIE = "safelight_lang"


class Translations(Messages):
    """The texts of the pages in one language."""

    #: The region of the reader, such as `HK`, for help lines; empty if it is not known.
    region = ""

    @property
    def is_stored(self) -> bool:
        """Whether sentences are stored as this reader gets them: in English, with help lines of no region."""
        return self.tag == DEFAULT and not self.region

    def for_region(self, region: str) -> Translations:
        if not region:
            return self
        copied = copy(self)
        copied.region = region
        return copied

    def render_markup(self, key: str, **values: Any) -> Markup:
        """The text as HTML markup. Values are escaped; the text itself is trusted."""
        return Markup(self(key)).format(**{name: escape(value) for name, value in values.items()})  # noqa: S704

    def translate_reason(self, original: str) -> str:
        """The translated reason of a shipped policy."""
        return translate_reason(original, self.tag)

    def translate_finding(self, original: str) -> tuple[str, bool]:
        """The reason of a finding, and whether it stays English because it has no translation."""
        translated = translate_finding(original, self.tag)
        return translated, self.tag != DEFAULT and translated == original

    def translate_error(self, original: str) -> str:
        """A translated sentence of an error or a verification, with times as pages show them. Names in it
        stay, such as a signer.
        """
        return _TIME.sub(
            lambda found: format_datetime(datetime.fromisoformat(found[0]).timestamp(), self),
            translate_error(original, self.tag),
        )

    def join_sentences(self, sentences: Iterable[str]) -> str:
        return reduce(lambda first, second: self("list.sentences", first=first, second=second), sentences)

    def join_list(self, items: list[str]) -> str:
        """The items as a list in a sentence."""
        return self("list.separator").join(items)


@cache
def load_languages() -> Mapping[str, Translations]:
    """The available languages by tag, English first."""
    english = Translations(DEFAULT, load_texts(_SLICE, DEFAULT))
    others = [tag for tag in available_languages(_SLICE) if tag != DEFAULT]
    return {DEFAULT: english} | {tag: Translations(tag, load_texts(_SLICE, tag), english) for tag in others}


def negotiate_language(cookie: str | None, accept: str | None) -> Translations:
    """The language from the cookie, else the best match for `Accept-Language`, else English."""
    available = load_languages()
    tags = accepted_tags(accept or "")
    found = cookie if cookie in available else accepted_language(accept or "")
    return available[found or DEFAULT].for_region(region_of(tags))


# Formats dates, durations, amounts and category names for the pages.


def format_datetime(at: float, t: Translations) -> str:
    """`20 Nov 2026, 07:24 UTC`, in the format of the language."""
    when = datetime.fromtimestamp(at, UTC)
    months = t("time.months").split(" ")
    return t(
        "time.moment",
        day=when.day,
        month=months[when.month - 1],
        year=when.year,
        time=f"{when:%H:%M}",
    )


def format_date(at: float, t: Translations) -> str:
    """`20 Nov 2026`, in the format of the language."""
    when = datetime.fromtimestamp(at, UTC)
    months = t("time.months").split(" ")
    return t("time.day", day=when.day, month=months[when.month - 1], year=when.year)


def format_age(at: float, now: float, t: Translations) -> str:
    """`3 min ago`; the date if it is more than two days ago."""
    seconds = max(0.0, now - at)
    if seconds < 60:
        return t("time.just_now")
    if seconds >= 172_800:
        return format_date(at, t)
    unit, size = ("min", 60) if seconds < 7200 else ("h", 3600)
    return t("time.ago", duration=t(f"time.{unit}", n=int(seconds // size)))


def format_clock_time(at: float) -> str:
    """`07:24:05.120`, for log entries."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


def format_duration(seconds: float, t: Translations) -> str:
    """`6 ms`, `1.4 s`, `12 min`."""
    if seconds < 0.9995:
        return t("time.ms", n=round(seconds * 1000))
    if seconds < 120:
        return t("time.s", n=format_decimal(round(seconds, 1)))
    if seconds < 7200:
        return t("time.min", n=round(seconds / 60))
    if seconds < 172_800:
        return t("time.h", n=round(seconds / 3600))
    return t("time.d", n=round(seconds / 86_400))


def format_decimal(value: float) -> str:
    """A number with at most two decimals and without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def truncate(text: str, max_chars: int = 90) -> str:
    """The start of a text on one line, with an ellipsis if it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"


def translate_detector(name: str, t: Translations) -> str:
    """The detector in words. A detector of a plugin has no translation and keeps its own name."""
    words = load_messages("detectors", t.tag)
    return words(name) if words.has(name) else name


def translate_note(note: str, t: Translations) -> str:
    """The translation of a sentence about a detector; unchanged if there is none."""
    return translate_sentence("doctor", note, t.tag) or note


def translate_category(category: str, t: Translations) -> str:
    """The translated name of a category. A category from a plugin has no translation and keeps its own
    name.
    """
    return name_category(category, t.tag)


def list_checks(checks: Iterable[tuple[str, str]], t: Translations) -> str:
    """Checks, each a category and a modality, in words: `text (Violence, Hate); audio (Hate)`."""
    by_modality: dict[str, list[str]] = {}
    for category, modality in checks:
        by_modality.setdefault(modality, []).append(category)
    return name_checks(by_modality, t.tag)


def name_waiver_decider(name: str, decided_by: str, t: Translations) -> str:
    """Who decided a waiver. `make run` records its waiver `demo` for the person who started it."""
    return t("coverage.demo_decider") if (name, decided_by) == (DEMO, "make run") else decided_by
