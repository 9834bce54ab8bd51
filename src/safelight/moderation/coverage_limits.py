"""Image categories that no bundled model supports: notes for the coverage of pictures and frames."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safelight.policy.categories import Category
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.findings import Modality

_AGE = "No bundled model estimates the age of a person."
#: Why pictures and frames are not checked, by category.
UNSUPPORTED: Mapping[str, str] = {
    Category.VIOLENCE_GRAPHIC.value: "No bundled model detects blood or wounds.",
    Category.VIOLENCE.value: "No bundled model detects weapons or fights.",
    Category.SEXUAL_MINORS.value: _AGE,
    Category.MINORS_PRESENT.value: _AGE,
    Category.NCII.value: "No bundled model recognises whose body is shown.",
    Category.EXTREMISM.value: "No bundled model detects flags, uniforms or scenes of terror.",
    Category.HATE_SYMBOLS.value: "Some symbols are detected, but too few by an independent measurement.",
}
_VISUAL = (Modality.IMAGE, Modality.FRAMES)


def reason_unsupported(category: str, modality: Modality) -> str:
    """Why no detector checks this, in one sentence; empty if this module has no reason."""
    return UNSUPPORTED.get(category, "") if modality in _VISUAL else ""


def annotate_coverage(coverage: Coverage) -> Coverage:
    """The coverage, with a reason for each required cell that has neither a detector nor a note."""
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
