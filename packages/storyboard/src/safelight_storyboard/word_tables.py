"""Searches a prompt for the words of a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The compiled pattern. The tables have more patterns than the `re` module keeps, which would compile
    all of them again for each prompt.
    """
    return re.compile(pattern)


def matches(text: str, english: str, han: str) -> list[re.Match[str]]:
    return list(compiled(rf"\b(?:{english})\b|{han}").finditer(text))


def first(text: str, table: Mapping[E, tuple[str, str]]) -> E | None:
    """The entry that the text names first. If several start at the same position, the longest."""
    best: tuple[int, int, E] | None = None
    for entry, (english, han) in table.items():
        match = compiled(rf"\b(?:{english})\b|{han}").search(text)
        if match is not None:
            key = (match.start(), -len(match.group()), entry)
            if best is None or key[:2] < best[:2]:
                best = key
    return best[2] if best else None


def all_of(text: str, table: Mapping[E, tuple[str, str]]) -> list[E]:
    return [entry for entry, (english, han) in table.items() if matches(text, english, han)]
