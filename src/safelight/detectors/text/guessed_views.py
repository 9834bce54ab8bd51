"""All views of a text: those that undo a disguise for certain, and guessed English and Chinese readings."""

from __future__ import annotations

from dataclasses import replace

from safelight.detectors.protocol import TextView

from .chinese_guesses import guess_views
from .disguises.search import guess_readings
from .normalise import fold_character, folded, views
from .sound_lexicon import installed_lexicon


def readable_views(text: str) -> tuple[TextView, ...]:
    """The views of a text, and its guessed readings that no view has."""
    made = views(text)
    read = {tuple(one.text.split()) for one in made}
    english = [
        replace(folded(one), kind=one.kind, is_guess=True) for one in guess_readings(text, fold_character)
    ]
    return (
        *made,
        *(one for one in english if tuple(one.text.split()) not in read),
        *guess_views(text, made[1], installed_lexicon),
    )
