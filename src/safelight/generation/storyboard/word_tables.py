"""Searches a prompt for the words of a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


def matches(text: str, english: str, han: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"\b(?:{english})\b|{han}", text))


def first(text: str, table: Mapping[E, tuple[str, str]]) -> E | None:
    """The entry that the text names first. If several start at the same position, the longest."""
    best: tuple[int, int, E] | None = None
    for entry, (english, han) in table.items():
        match = re.search(rf"\b(?:{english})\b|{han}", text)
        if match is not None:
            key = (match.start(), -len(match.group()), entry)
            if best is None or key[:2] < best[:2]:
                best = key
    return best[2] if best else None


def all_of(text: str, table: Mapping[E, tuple[str, str]]) -> list[E]:
    return [entry for entry, (english, han) in table.items() if matches(text, english, han)]
