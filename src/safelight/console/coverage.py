"""Coverage as people read it: four words, each with its categories, what is missing first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from safelight.policy.coverage import CoverageWord

from .words import Words

#: A word, and the categories it is said of.
Row: TypeAlias = tuple[str, tuple[str, ...]]
_ORDER = (CoverageWord.NOT_CHECKED, CoverageWord.PARTLY, CoverageWord.CHECKED)


def rows(cells: Iterable[tuple[str, str, str]], words: Words) -> tuple[Row, ...]:
    """Rows for cells of category, modality and word. Where a category's cells differ, their modality is said.

    What is off is left out: neither asked for nor there.
    """
    seen = sorted({cell for cell in cells if cell[2] != CoverageWord.OFF.value})
    found: list[Row] = []
    for word in _ORDER:
        entries = [
            _entry(category, word, seen, words) for category in dict.fromkeys(cell[0] for cell in seen)
        ]
        named = tuple(entry for entry in entries if entry)
        if named:
            found.append((words(f"coverage.{word.value.replace(' ', '_')}"), named))
    return tuple(found)


def _entry(category: str, word: CoverageWord, cells: list[tuple[str, str, str]], words: Words) -> str:
    mine = [cell for cell in cells if cell[0] == category]
    having = [words(f"modality.{cell[1]}") for cell in mine if cell[2] == word.value]
    if not having:
        return ""
    if len(having) == len(mine):
        return category
    return words("coverage.in", category=category, modalities=words.listed(having))
