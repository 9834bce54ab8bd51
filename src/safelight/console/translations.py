"""The texts of the web pages, and which language a person gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from safelight.i18n import DEFAULT, Messages, available_languages, load_texts, translate_reason

_SLICE = "console"
COOKIE = "safelight_lang"


class Translations(Messages):
    """The texts of the pages in one language."""

    def rich(self, key: str, **values: Any) -> Markup:
        """As markup: what is filled in is escaped; the text itself is ours."""
        return Markup(self(key)).format(**{name: escape(value) for name, value in values.items()})  # noqa: S704

    def reason(self, original: str) -> str:
        """A reason of the shipped policies in this language."""
        return translate_reason(original, self.tag)

    def listed(self, items: list[str]) -> str:
        """Items as a list in a sentence."""
        return self("list.separator").join(items)


@cache
def languages() -> Mapping[str, Translations]:
    """The languages there are, by tag; English is the first one."""
    english = Translations(DEFAULT, load_texts(_SLICE, DEFAULT))
    others = [tag for tag in available_languages(_SLICE) if tag != DEFAULT]
    return {DEFAULT: english} | {tag: Translations(tag, load_texts(_SLICE, tag), english) for tag in others}


#: What browsers send, where it is not a tag of ours: scripts decide, and regions imply them.
_MEANT = {
    "zh": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "zh-my": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-mo": "zh-Hant",
    "yue": "zh-Hant",
}


def negotiate_language(cookie: str | None, accept: str | None) -> Translations:
    """The language a person chose, or the browser's best that there is, or English."""
    known = languages()
    if cookie is not None and cookie in known:
        return known[cookie]
    by_tag = {tag.lower(): words for tag, words in known.items()}
    for asked in _wanted(accept or ""):
        parts = asked.lower().split("-")
        for size in range(len(parts), 0, -1):
            candidate = "-".join(parts[:size])
            found = by_tag.get(candidate) or by_tag.get(_MEANT.get(candidate, "").lower())
            if found is not None:
                return found
    return known[DEFAULT]


def _wanted(accept: str) -> list[str]:
    """The tags of an `Accept-Language`, the most wanted first."""
    found: list[tuple[float, str]] = []
    for part in accept[:500].split(","):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        if tag.strip() and quality > 0:
            found.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(found, key=lambda pair: pair[0])]
