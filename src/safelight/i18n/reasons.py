"""Translates the reasons of the shipped policies; the English text is the key."""

from __future__ import annotations

import re
from functools import cache

from .messages import available_languages, load_document

_SLICE = "reasons"


def translate_reason(original: str, tag: str) -> str:
    """The translation of a shipped reason. A reason that an operator wrote is returned unchanged."""
    for pattern, text in _reasons(tag):
        if found := pattern.fullmatch(original):
            return text.format(**found.groupdict())
    return original


@cache
def _reasons(tag: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    if tag not in available_languages(_SLICE):
        return ()
    return tuple((_pattern(original), text) for original, text in load_document(_SLICE, tag).items())


def _pattern(original: str) -> re.Pattern[str]:
    """A pattern that matches the reason after values were inserted for its `{names}`."""
    pieces = re.split(r"\{(\w+)\}", original)
    text = "".join(
        f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile(text)
