"""The sentences an explanation is made of, in the languages there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from safelight import yaml_loader

DEFAULT = "en"


class Messages:
    """One language. What it does not have is said in English."""

    def __init__(self, locale: str, document: Mapping[str, Any], fallback: Messages | None = None) -> None:
        self.locale = locale
        reasons: Mapping[str, str] = document.get("reasons") or {}
        self._reasons = tuple((_pattern(original), text) for original, text in reasons.items())
        self._texts = {
            f"{key}.{inner}" if inner else key: text
            for key, value in document.items()
            if key != "reasons"
            for inner, text in (value.items() if isinstance(value, Mapping) else (("", value),))
        }
        self._fallback = fallback

    @property
    def keys(self) -> frozenset[str]:
        """The keys this language has itself, without the reasons."""
        return frozenset(self._texts)

    @property
    def reasons(self) -> int:
        """How many reasons of the shipped policies it has words for."""
        return len(self._reasons)

    def has(self, key: str) -> bool:
        return key in self._texts or (self._fallback is not None and self._fallback.has(key))

    def __call__(self, key: str, **values: Any) -> str:
        if key not in self._texts and self._fallback is not None:
            return self._fallback(key, **values)
        return str(self._texts[key]).format(**values)

    def join(self, *parts: str) -> str:
        """Sentences one after the other, as this language sets them."""
        return self("join").join(part for part in parts if part)

    def reason(self, original: str) -> str:
        """A shipped reason in this language; one that an operator wrote stays as it is."""
        for pattern, text in self._reasons:
            if found := pattern.fullmatch(original):
                return text.format(**found.groupdict())
        return original


@cache
def load_messages(locale: str = DEFAULT) -> Messages:
    """The sentences of a language; English where there is no such one."""
    if locale == DEFAULT:
        return Messages(DEFAULT, _document(DEFAULT))
    return (
        Messages(locale, _document(locale), load_messages())
        if locale in available_locales()
        else load_messages()
    )


@cache
def available_locales() -> tuple[str, ...]:
    """The languages there are, by tag."""
    folder = resources.files(__package__).joinpath("locales")
    return tuple(
        sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))
    )


def _document(locale: str) -> Mapping[str, Any]:
    source = resources.files(__package__).joinpath("locales", f"{locale}.yaml")
    document: Mapping[str, Any] = yaml_loader.load(source.read_text("utf-8"))
    return document


def _pattern(original: str) -> re.Pattern[str]:
    """Matches the reason with its `{names}` filled in."""
    pieces = re.split(r"\{(\w+)\}", original)
    text = "".join(
        f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile(text)
