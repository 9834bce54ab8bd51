"""Languages and lengths for which classifiers have operating points, and the parts of a text in each
language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from safelight.policy.findings import OperatingPoint

from .chinese import locale_of
from .word_grams import chinese_words, english_words, hash_gram

#: Most words of a text in each length bucket; the last bucket has no limit.
_MOST_WORDS = {"1-3": 3, "4-8": 8, "9-20": 20, "21-60": 60}
LENGTHS = (*_MOST_WORDS, "61+")
SHORTEST = LENGTHS[0]
#: A text is English if at least this share of its words are frequent in English and not more frequent in
#: another language with the same letters.
MIN_KNOWN_SHARE = 0.5
#: A text with kana is Japanese, though many of its letters are Chinese characters. Chinese text has the odd
#: の.
_MAX_KANA_SHARE = 0.1
#: The smaller part of a text in two languages is judged from this number of words or characters. Below it,
#: the part is a name or a borrowed word.
MIN_WORDS_BESIDE, MIN_CHARACTERS_BESIDE = 3, 4
#: A part is judged only if it contains a word: three letters in a row, or two Chinese characters.
_ENGLISH_WORD, _CHINESE_WORD = re.compile(r"[a-z]{3}"), re.compile(r"[\u3400-\u9fff]{2}")
_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_LATIN = re.compile(r"[a-z]+(?:'[a-z]+)?")
#: What is blanked out to read one language only: sentence ends are kept.
_NOT_ENGLISH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_NOT_CHINESE = re.compile(r"[a-z0-9]")


class Language(StrEnum):
    """A language in one script; several for which there are the same operating points."""

    ENGLISH = "en"
    TRADITIONAL = "zh-Hant"
    SIMPLIFIED = "zh-Hans"
    #: Those of `european`.
    EUROPEAN = "european"


@dataclass(frozen=True, kw_only=True)
class LanguagePart:
    """The words of a text that are in one language. In `text`, everything else is replaced by spaces, so that
    positions are those of the whole text.
    """

    language: Language
    length: str
    text: str

    def point_in(self, points: Iterable[OperatingPoint]) -> OperatingPoint | None:
        """The operating point for texts of this language and length."""
        key = (self.language, self.length)
        return next((one for one in points if (one.language, one.length) == key), None)


class LanguageSplitter:
    """Splits a folded text into its English and its Chinese words."""

    def __init__(self, frequent_english: npt.NDArray[np.uint32]) -> None:
        #: Sorted hashes of frequent English words.
        self._frequent = frequent_english

    def split(self, text: str, original: str) -> list[LanguagePart]:
        """The parts of a folded text that can be judged; none if it is in another language or without words.

        `original` is the text before folding, which shows the script.
        """
        if not any(map(str.isalpha, original)):
            # The words are those that describe emoji.
            return []
        characters, words = len(_HAN.findall(text)), _LATIN.findall(text)
        kana = len(_KANA.findall(text))
        parts = []
        enough = MIN_CHARACTERS_BESIDE if words else 1
        if characters >= enough and kana <= _MAX_KANA_SHARE * characters and _CHINESE_WORD.search(text):
            chinese = _NOT_CHINESE.sub(" ", text)
            script = Language.TRADITIONAL if locale_of(original) == "zh-Hant" else Language.SIMPLIFIED
            parts.append(
                LanguagePart(language=script, length=length_of(len(chinese_words(chinese))), text=chinese)
            )
        enough = MIN_WORDS_BESIDE if characters else 1
        if len(words) >= enough and self.is_english(words) and _ENGLISH_WORD.search(text):
            english = _NOT_ENGLISH.sub(" ", text)
            count = len(english_words(english))
            parts.append(LanguagePart(language=Language.ENGLISH, length=length_of(count), text=english))
        return parts

    def is_english(self, words: list[str]) -> bool:
        """Whether enough of these words are frequent in English."""
        hashed = np.array([hash_gram(word) for word in words], dtype=np.uint32)
        places = np.minimum(np.searchsorted(self._frequent, hashed), len(self._frequent) - 1)
        return bool((self._frequent[places] == hashed).mean() >= MIN_KNOWN_SHARE)


def is_short(text: str) -> bool:
    """Whether a whole text, in any languages, has at most as many words as the shortest length bucket."""
    words = len(_WORD.findall(_HAN.sub(" ", text)))
    if words <= _MOST_WORDS[SHORTEST] and _HAN.search(text):
        words += len(chinese_words(text))
    return words <= _MOST_WORDS[SHORTEST]


def length_of(words: int) -> str:
    """The length bucket of a text with this number of words."""
    return next((name for name, most in _MOST_WORDS.items() if words <= most), LENGTHS[-1])
