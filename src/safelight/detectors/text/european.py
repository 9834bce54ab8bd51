"""Texts in eight European languages, which the reader of acts judges by E5 alone."""

from __future__ import annotations

import re

from .disguises.language import other_language
from .languages import Language, LanguagePart, length_of

#: The languages in which the reader of acts is measured (docs/benchmarks/acts.md).
LANGUAGES = frozenset({"de", "es", "fr", "it", "nl", "pl", "pt", "sv"})
_WORD = re.compile(r"[^\W\d_]+")


def european_part(text: str) -> LanguagePart | None:
    """The text in small letters, if most of its frequent words are those of one of the languages. It is not
    folded, because accents tell words apart. Positions are those of `text`.
    """
    lowered = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    words = _WORD.findall(lowered)
    if other_language(words) not in LANGUAGES:
        return None
    return LanguagePart(language=Language.EUROPEAN, length=length_of(len(words)), text=lowered)
