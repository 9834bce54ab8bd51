"""Why required categories are not checked: coverage notes for images, frames and sound."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safelight.detectors.audio.transcripts import TRANSCRIPT_CAPABILITIES
from safelight.policy.findings import Category, Cell, Coverage, Modality

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
_NO_PROTECTED_PEOPLE = (
    "Faces in frames are compared only with people whom you chose to protect, and that list is empty. "
    "Set it up: docs/people.md#likeness"
)
_NOT_TRANSCRIBED = (
    "Speech is not transcribed, so its words are not checked. Set up Whisper or a transcription server: "
    "docs/sound.md"
)
_VOICES = "Voices are not compared with those of real people."
_SOUND = "No detector checks the sound for this category."
_TRANSCRIBED = frozenset(capability.category for capability in TRANSCRIPT_CAPABILITIES)
_VISUAL = (Modality.IMAGE, Modality.FRAMES)


def reason_unsupported(category: str, modality: Modality) -> str:
    """The reason why no detector checks this category, and for sound what to do. Empty if none is known."""
    if (category, modality) == (Category.LIKENESS.value, Modality.FRAMES):
        return _NO_PROTECTED_PEOPLE
    if modality is Modality.AUDIO:
        voices = category == Category.LIKENESS.value
        return _NOT_TRANSCRIBED if category in _TRANSCRIBED else _VOICES if voices else _SOUND
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
