"""Finds the catalogue language for a language tag or a POSIX locale name."""

from __future__ import annotations

from collections.abc import Mapping

from .messages import DEFAULT

LANGUAGES = (DEFAULT, "zh-Hant", "zh-Hans")
#: Tags whose script follows from the region. Every other Chinese tag means Simplified Chinese.
_REGIONS = {"zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant", "yue": "zh-Hant", "zh": "zh-Hans"}
#: POSIX order: the first variable that is not empty decides.
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def match_language(name: str) -> str | None:
    """The language for a tag or locale name such as `zh-HK` or `zh_CN.GBK`; None if it is not available."""
    plain = name.strip().partition(".")[0].partition("@")[0].replace("_", "-").lower()
    known = {tag.lower(): tag for tag in LANGUAGES} | _REGIONS
    parts = plain.split("-")
    candidates = ("-".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((known[candidate] for candidate in candidates if candidate in known), None)


def language_of_environment(environment: Mapping[str, str]) -> str:
    """The language that `SAFELIGHT_LANG` or else the locale selects; English if they select none."""
    if chosen := match_language(environment.get("SAFELIGHT_LANG", "")):
        return chosen
    locale = next((environment[name] for name in _LOCALE_VARIABLES if environment.get(name)), "")
    return match_language(locale) or DEFAULT
