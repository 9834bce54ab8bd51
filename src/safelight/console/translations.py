"""Every word on a page, by key, from one file per language in `locales/`. A new file is a new language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from safelight import yaml_loader
from safelight.policy.messages import load_messages

DEFAULT = "en"
COOKIE = "safelight_lang"


class Translations:
    """One language. A key that is missing falls back to English, so that a page never breaks over a word."""

    def __init__(self, tag: str, texts: Mapping[str, str], fallback: Translations | None = None) -> None:
        self.tag = tag
        self._texts = texts
        self._fallback = fallback

    def __call__(self, key: str, **values: Any) -> str:
        """The text for `key`, its `{names}` filled in. An unknown key is a `KeyError`: ours to mend."""
        if key in self._texts:
            return self._texts[key].format(**values) if values else self._texts[key]
        if self._fallback is None:
            raise KeyError(key)
        return self._fallback(key, **values)

    def rich(self, key: str, **values: Any) -> Markup:
        """As markup: what is filled in is escaped; the text itself is ours."""
        return Markup(self(key)).format(**{name: escape(value) for name, value in values.items()})  # noqa: S704

    @property
    def keys(self) -> frozenset[str]:
        """The keys this language has itself."""
        return frozenset(self._texts)

    def own(self, key: str) -> bool:
        """Whether this language has it itself."""
        return key in self._texts

    def has(self, key: str) -> bool:
        return key in self._texts or (self._fallback is not None and self._fallback.has(key))

    def reason(self, original: str) -> str:
        """A reason of the shipped policies in this language."""
        return load_messages(self.tag).reason(original)

    def listed(self, items: list[str]) -> str:
        """Items as a list in a sentence."""
        return self("list.separator").join(items)


@cache
def languages() -> Mapping[str, Translations]:
    """The languages there are, by tag; English is always one."""
    found: dict[str, dict[str, str]] = {}
    for source in sorted(
        files("safelight.console").joinpath("locales").iterdir(), key=lambda each: each.name
    ):
        if source.name.endswith(".yaml"):
            document = yaml_loader.load(source.read_text(encoding="utf-8"))
            found[source.name.removesuffix(".yaml")] = dict(_flat("", document))
    english = Translations(DEFAULT, found.pop(DEFAULT))
    return {DEFAULT: english} | {tag: Translations(tag, texts, english) for tag, texts in found.items()}


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


def _flat(prefix: str, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in document.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            pairs += _flat(name, value)
        else:
            pairs.append((name, str(value)))
    return pairs
