"""Whether two Chinese characters are a word at their place, or the end of one word and the start of the next.

Chinese is written without spaces: 火山口爆发, "the volcano erupts", has the characters of a listed term in
its middle, and no reader sees it. Longer terms appear by chance too rarely to be asked about.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from .chinese import is_han

#: Characters of the terms that are asked about, and of the names of people and things.
SHORT_TERM = 2
SHORT_NAME = 3
#: Characters before and after the term that are read: the words there are no longer.
_AROUND = 10
#: Characters of the longest words of the dictionary that are tried.
_MAX_WORD = 8


class Fit(Enum):
    """How a term fits into the words around it."""

    #: It is one or more whole words, or the start or end of a longer one.
    WORD = "word"
    #: A word reaches over one of its ends in the likeliest division, and in none with the fewest words.
    UNSURE = "unsure"
    #: The letters belong to two other words, or stand in the middle of one.
    NO_WORD = "no word"


def fit_of(text: str, start: int, end: int, *, longest: int = SHORT_TERM) -> Fit:
    """How the term at this place of a folded text fits; `WORD` for everything but two Chinese characters, or
    up to `longest`.
    """
    if not (SHORT_TERM <= end - start <= longest and all(map(is_han, text[start:end]))):
        return Fit.WORD
    first, last = start, end
    while first and start - first < _AROUND and is_han(text[first - 1]):
        first -= 1
    while last < len(text) and last - end < _AROUND and is_han(text[last]):
        last += 1
    return _fit(text[first:start], text[start:end], text[end:last])


def is_short_term(term: str) -> bool:
    """Whether the term has so few Chinese characters that it can be two halves of other words."""
    return len(term) == SHORT_TERM and all(map(is_han, term))


@lru_cache(maxsize=4096)
def _fit(before: str, term: str, after: str) -> Fit:
    # Loads its dictionary when it is imported, which takes a fifth of a second.
    import rjieba

    text, start, end, place = before + term + after, len(before), len(before) + len(term), 0
    if _reaches_over(text, start, end, tie=False):
        return Fit.NO_WORD
    for word in rjieba.cut(text, False):
        first, place = place, place + len(word)
        if first < start and end < place:
            return Fit.NO_WORD
        if _crosses(first, place, start, end):
            return Fit.NO_WORD if _reaches_over(text, start, end, tie=True) else Fit.UNSURE
    return Fit.WORD


def _crosses(first: int, last: int, start: int, end: int) -> bool:
    """Whether a word at `first` has a part of the term and lacks another, with letters around it."""
    return first < start < last < end or start < first < end < last


def _reaches_over(text: str, start: int, end: int, *, tie: bool) -> bool:
    """Whether a word reaches over one end of the term if the text has as few words as possible. `tie`: the
    answer if that is so in one division and not in another.
    """
    import rjieba

    fewest, step = [(0, 0)], -1 if tie else 1
    for last in range(1, len(text) + 1):
        fewest.append(
            min(
                (fewest[first][0] + 1, fewest[first][1] + step * _crosses(first, last, start, end))
                for first in range(max(0, last - _MAX_WORD), last)
                if last - first == 1 or rjieba.has_word(text[first:last])
            )
        )
    return fewest[-1][1] != 0
