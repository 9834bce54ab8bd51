"""Index of words and phrases in English and Chinese: finds the longest one at each place of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Generic, TypeVar

from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.detectors.text.word_grams import chinese_words

Value = TypeVar("Value")

#: Number of texts whose phrases stay in memory: those of one request.
_KEPT_TEXTS = 16
_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|[\u3400-\u9fff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
#: Characters that only complete the verb before them, as in 跳过.
_COMPLEMENTS = frozenset("过去来起上下了着出进入到开完掉")


@dataclass(frozen=True, kw_only=True)
class FormHit(Generic[Value]):
    """A phrase at characters `start` to `end` (exclusive)."""

    start: int
    end: int
    form: str
    #: The values of this phrase, in the order in which they were added.
    values: tuple[Value, ...]


class FormTable(Generic[Value]):
    """Maps phrases to values. An English phrase matches whole words; a Chinese one matches anywhere.

    `whole_words`: a single Chinese character matches only if it is a word, and a longer phrase only if it is
    not made of parts of two words: 刀 is not a hit in 剃须刀. What is part of one longer word still is: 小孩
    in 小孩子. Longer words that mean something else, such as 悬崖勒马, are in the tables as ordinary words.
    """

    def __init__(self, *, whole_words: bool = False) -> None:
        self._whole_words = whole_words
        self._values: dict[str, list[Value]] = {}
        #: The phrases by their first word, the longest first.
        self._by_first: dict[str, list[str]] = {}
        # One request looks for the same phrases in the same text several times.
        self._search = lru_cache(maxsize=_KEPT_TEXTS)(self._search_text)

    def add(self, form: str, value: Value) -> None:
        """Add a phrase. It may have several values."""
        if form in self._values:
            self._values[form].append(value)
            return
        first = _TOKEN.match(form)
        if first is None:
            raise ValueError(f"{form!r} does not begin with a word")
        self._values[form] = [value]
        same_first = self._by_first.setdefault(_key(first.group()), [])
        same_first.append(form)
        same_first.sort(key=len, reverse=True)
        self._search.cache_clear()

    def find(self, text: str) -> Iterator[FormHit[Value]]:
        """The longest phrase at each place, from left to right, without overlaps."""
        return iter(self._search(text))

    def _search_text(self, text: str) -> tuple[FormHit[Value], ...]:
        hits: list[FormHit[Value]] = []
        end = 0
        for token in _TOKEN.finditer(text):
            if token.start() < end:
                continue
            for form in self._by_first.get(_key(token.group()), ()):
                found = _pattern(form).match(text, token.start())
                if found and not (self._whole_words and is_inside_word(text, *found.span())):
                    end = found.end()
                    values = tuple(self._values[form])
                    hits.append(FormHit(start=token.start(), end=end, form=form, values=values))
                    break
        return tuple(hits)


def is_inside_word(text: str, start: int, end: int) -> bool:
    """Whether the characters `start` to `end` (exclusive) are one Chinese character of a longer word, or the
    end of a word and the beginning of the next: 痛哭 in 头痛哭闹.
    """
    if not _HAN.match(text, start):
        return False
    if end - start > 1:
        words = _words(text)
        return any(first < start < last < end for _, first, last in words) and any(
            start < first < end < last for _, first, last in words
        )
    for word, first, last in _words(text):
        if first <= start < last:
            return start > first or not _COMPLEMENTS.issuperset(word[1:])
    return False


@lru_cache(maxsize=_KEPT_TEXTS)
def _words(text: str) -> tuple[tuple[str, int, int], ...]:
    """The Chinese words of a text. Both scripts are cut alike."""
    return tuple(chinese_words("".join(SIMPLIFIED.get(letter, letter) for letter in text), guess=False))


@cache
def _pattern(form: str) -> re.Pattern[str]:
    # Compiled when its first word is found: compiling all phrases takes longer than most checks.
    words = r"\s+".join(re.escape(word).replace("'", "['’]") for word in form.split())
    return re.compile(words + (r"(?![A-Za-z])" if form[-1].isascii() else ""), re.IGNORECASE)


def _key(token: str) -> str:
    return token.lower().replace("’", "'")
