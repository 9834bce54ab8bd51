"""What no model that ships can see in pictures, said wherever coverage is told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safelight.policy.categories import Category
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.findings import Modality

_AGE = "No model that ships sees how old somebody is."
#: By category: why pictures and frames are not checked for it.
UNSUPPORTED: Mapping[str, str] = {
    Category.VIOLENCE_GRAPHIC.value: "No model that ships sees blood or wounds.",
    Category.VIOLENCE.value: "No model that ships sees weapons or fights.",
    Category.SEXUAL_MINORS.value: _AGE,
    Category.MINORS_PRESENT.value: _AGE,
    Category.NCII.value: "No model that ships knows whose body is seen.",
    Category.EXTREMISM.value: "No model that ships sees flags, uniforms or scenes of terror.",
    Category.HATE_SYMBOLS.value: "Some symbols are looked for; independently measured, too few are found.",
}
_SEEN = (Modality.IMAGE, Modality.FRAMES)


def reason_unsupported(category: str, modality: Modality) -> str:
    """Why nothing checks this, one sentence; empty where that is not known here."""
    return UNSUPPORTED.get(category, "") if modality in _SEEN else ""


def annotate_coverage(coverage: Coverage) -> Coverage:
    """The coverage with a reason wherever a required cell has no detector and no note of its own."""
    return Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, note=reason_unsupported(cell.category, cell.modality))
            if _silent(cell)
            else cell
            for cell in coverage
        )
    )


def _silent(cell: Cell) -> bool:
    return cell.required and not cell.available and not cell.note
