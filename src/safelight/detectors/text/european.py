"""Texts in eight European languages, which the reader of acts judges by E5 alone."""

from __future__ import annotations

import re

from .disguises.vocabulary import words_of_language
from .languages import Language, LanguagePart, length_of
from .syllables import is_mostly_pinyin

#: The languages in which the reader of acts is measured (docs/benchmarks/acts.md).
LANGUAGES = ("de", "es", "fr", "it", "nl", "pl", "pt", "sv")
#: A text is in a language if it has at least this number of words of two letters or more, and this share of
#: them is known there. Of sentences in these languages 98 % are, of names and codes few. Pinyin is left out,
#: because many of its syllables are words there too.
_MIN_WORDS, _MIN_KNOWN = 3, 0.45
_WORD = re.compile(r"[^\W\d_]+")


def european_part(text: str) -> LanguagePart | None:
    """The text in small letters, if it is in one of the languages. Positions are those of `text`.

    It is not folded, because accents tell words apart.
    """
    lowered = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    words = _WORD.findall(lowered)
    counted = [word for word in words if len(word) > 1]
    if len(counted) < _MIN_WORDS or is_mostly_pinyin(counted):
        return None
    known = max(sum(word in words_of_language(one) for word in counted) for one in LANGUAGES)
    if known < _MIN_KNOWN * len(counted):
        return None
    return LanguagePart(language=Language.EUROPEAN, length=length_of(len(words)), text=lowered)
