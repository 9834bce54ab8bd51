"""The texts of the web pages, and language negotiation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, reduce
from typing import Any

from markupsafe import Markup, escape

from safelight.i18n import (
    DEFAULT,
    Messages,
    available_languages,
    load_texts,
    match_language,
    translate_finding,
    translate_reason,
    translate_sentence,
)

_SLICE = "console"
COOKIE = "safelight_lang"


class Translations(Messages):
    """The texts of the pages in one language."""

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

    def translate_verification(self, original: str) -> str:
        """A translated sentence of a verification. Names in it, such as that of a signer, stay."""
        return translate_sentence("commands", original, self.tag) or original

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
    if cookie is not None and cookie in available:
        return available[cookie]
    for tag in _accepted_tags(accept or ""):
        match = match_language(tag)
        if match is not None:
            return available[match]
    return available[DEFAULT]


def _accepted_tags(accept: str) -> list[str]:
    """The tags of an `Accept-Language` header, highest weight first."""
    match: list[tuple[float, str]] = []
    for part in accept[:500].split(","):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        if tag.strip() and quality > 0:
            match.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(match, key=lambda pair: pair[0])]
