"""Coverage as people read it: the words, where each was looked at, and for what; what is missing first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.policy.coverage import CoverageStatus
from safelight.policy.findings import Modality

from .translations import Translations

_ORDER = (CoverageStatus.NOT_CHECKED, CoverageStatus.PARTLY, CoverageStatus.CHECKED)


@dataclass(frozen=True, kw_only=True)
class CoverageTableRow:
    """One of the words, and per place (frames, sound ...) the categories it is said of."""

    word: str
    name: str
    places: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def count(self) -> int:
        return sum(len(categories) for _, categories in self.places)


def rows(cells: Iterable[tuple[str, str, str]], words: Translations) -> tuple[CoverageTableRow, ...]:
    """Rows for cells (category, modality, word). What is off is left out: neither asked for nor there."""
    seen = set(cells)
    found: list[CoverageTableRow] = []
    for word in _ORDER:
        places = tuple(
            (words(f"modality.{modality.value}"), categories)
            for modality in Modality
            if (categories := tuple(sorted(c for c, m, w in seen if (m, w) == (modality.value, word.value))))
        )
        if places:
            name = words(f"coverage.{word.value.replace(' ', '_')}")
            found.append(CoverageTableRow(word=word.value, name=name, places=places))
    return tuple(found)
