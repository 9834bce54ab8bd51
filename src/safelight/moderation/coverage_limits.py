"""Image categories that no bundled model supports: coverage notes for images and frames."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safelight.policy.categories import Category
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.findings import Modality

_AGE = "No bundled model estimates the age of a person."
#: The reason why images and frames are not checked, by category.
UNSUPPORTED: Mapping[str, str] = {
    Category.VIOLENCE_GRAPHIC.value: "No bundled model detects blood or wounds.",
    Category.VIOLENCE.value: "No bundled model detects weapons or fights.",
    Category.SEXUAL_MINORS.value: _AGE,
    Category.MINORS_PRESENT.value: _AGE,
    Category.NCII.value: "No bundled model recognises whose body is shown.",
    Category.EXTREMISM.value: "No bundled model detects flags, uniforms or scenes of terror.",
    Category.HATE_SYMBOLS.value: "Some symbols are detected, but an independent test found too many misses.",
}
_NOBODY = "No protected person is enrolled, so faces in frames are compared with nobody."
_VISUAL = (Modality.IMAGE, Modality.FRAMES)


def reason_unsupported(category: str, modality: Modality) -> str:
    """The reason why no detector checks this category, as one sentence. Empty if no reason is known."""
    if (category, modality) == (Category.LIKENESS.value, Modality.FRAMES):
        return _NOBODY
    return UNSUPPORTED.get(category, "") if modality in _VISUAL else ""


def annotate_coverage(coverage: Coverage) -> Coverage:
    """Add a reason to each required cell that has neither a detector nor a note."""
    return Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, note=reason_unsupported(cell.category, cell.modality))
            if _lacks_reason(cell)
            else cell
            for cell in coverage
        )
    )


def _lacks_reason(cell: Cell) -> bool:
    return cell.required and not cell.available and not cell.note
