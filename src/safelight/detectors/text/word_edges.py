"""Whether two Chinese characters are a word at their place, or the end of one word and the start of the next.

Chinese is written without spaces: 火山口爆发, "the volcano erupts", has the characters of a listed term in
its middle, and no reader sees it. Longer terms appear by chance too rarely to be asked about.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

#: Characters of the terms that are asked about.
SHORT_TERM = 2
#: Characters before and after the term that are read: the words there are no longer.
_AROUND = 10
#: Characters of the longest words of the dictionary that are tried.
_MAX_WORD = 8


class Fit(Enum):
    """How a term fits into the words around it."""

    #: It is one or more whole words, or the start or end of a longer one.
    WORD = "word"
    #: The likeliest words reach over one of its ends, but with the term the sentence has fewer words.
    UNSURE = "unsure"
    #: The letters belong to two other words, or stand in the middle of one.
    NO_WORD = "no word"


def fit_of(text: str, start: int, end: int) -> Fit:
    """How the term at this place of a folded text fits; `WORD` for everything but two Chinese characters."""
    if end - start != SHORT_TERM or not all(map(_is_chinese, text[start:end])):
        return Fit.WORD
    first, last = start, end
    while first and start - first < _AROUND and _is_chinese(text[first - 1]):
        first -= 1
    while last < len(text) and last - end < _AROUND and _is_chinese(text[last]):
        last += 1
    return _fit(text[first:start], text[start:end], text[end:last])


def _is_chinese(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff"


@lru_cache(maxsize=4096)
def _fit(before: str, term: str, after: str) -> Fit:
    # Loads its dictionary when it is imported, which takes a fifth of a second.
    import rjieba

    start, end, place = len(before), len(before) + len(term), 0
    for word in rjieba.cut(before + term + after, False):
        first, place = place, place + len(word)
        if first < start and end < place:
            return Fit.NO_WORD
        if first < start < place < end or start < first < end < place:
            break
    else:
        return Fit.WORD
    with_term = _fewest_words(before) + 1 + _fewest_words(after)
    without = _fewest_words(before + term + after, not_at=(start, end))
    return Fit.UNSURE if with_term < without else Fit.NO_WORD


def _fewest_words(text: str, *, not_at: tuple[int, int] | None = None) -> int:
    """The number of words of the text if it has as few as possible, and none at the place `not_at`."""
    import rjieba

    fewest = [0]
    for end in range(1, len(text) + 1):
        fewest.append(
            1
            + min(
                fewest[start]
                for start in range(max(0, end - _MAX_WORD), end)
                if (start, end) != not_at and (end - start == 1 or rjieba.has_word(text[start:end]))
            )
        )
    return fewest[-1]
