"""Finds the catalogue language for a language tag or a POSIX locale name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .messages import DEFAULT

LANGUAGES = (DEFAULT, "zh-Hant", "zh-Hans")
#: Tags whose script follows from the region. Every other Chinese tag means Simplified Chinese.
_REGIONS = {"zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant", "yue": "zh-Hant", "zh": "zh-Hans"}
#: A region is the part of two letters after the language.
_REGION = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?[-_]([A-Za-z]{2})(?![A-Za-z])")
#: POSIX order: the first variable that is not empty decides.
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def match_language(name: str) -> str | None:
    """The language for a tag or locale name such as `zh-HK` or `zh_CN.GBK`; None if it is not available."""
    plain = name.strip().partition(".")[0].partition("@")[0].replace("_", "-").lower()
    known = {tag.lower(): tag for tag in LANGUAGES} | _REGIONS
    parts = plain.split("-")
    candidates = ("-".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((known[candidate] for candidate in candidates if candidate in known), None)


def accepted_tags(accept: str) -> list[str]:
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


def accepted_language(accept: str) -> str:
    """The language for an `Accept-Language` header; English if none of its languages is available."""
    return next(filter(None, map(match_language, accepted_tags(accept))), DEFAULT)


def region_of(names: Iterable[str]) -> str:
    """The region of the first tag or locale name that has one, such as `HK` for `zh_HK.UTF-8`; else empty."""
    return next((found[1].upper() for name in names if (found := _REGION.search(name))), "")


def region_of_environment(environment: Mapping[str, str]) -> str:
    """The region of the locale."""
    return region_of(environment.get(name, "") for name in _LOCALE_VARIABLES)


def language_of_environment(environment: Mapping[str, str]) -> str:
    """The language that `SAFELIGHT_LANG` or else the locale selects; English if they select none."""
    if chosen := match_language(environment.get("SAFELIGHT_LANG", "")):
        return chosen
    locale = next((environment[name] for name in _LOCALE_VARIABLES if environment.get(name)), "")
    return match_language(locale) or DEFAULT
