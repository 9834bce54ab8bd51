"""Word index: finds all words and phrases of a set in a text, by hashed lookup at each possible start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Phrases of at most this many letters have no plural: "is" is not the plural of "i".
_MAX_SINGULAR = 2
#: A word of letters and digits, or any other visible character; each Chinese character is a token of its own.
_TOKEN = re.compile(r"[^\W_\u2e80-\U0010ffff]+|\S")


class WordIndex:
    """Finds every occurrence of every phrase, including overlapping ones.

    English phrases match as whole words, with an optional plural `s`; Chinese phrases match anywhere.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._numbers: dict[str, int] = {}
        lengths: dict[str, set[int]] = {}
        for number, phrase in enumerate(phrases):
            if not phrase or phrase[0].isspace():
                raise ValueError(f"phrase {number} is empty or begins with a space")
            self._numbers[phrase] = number
            lengths.setdefault(_first_token(phrase), set()).add(len(phrase))
        #: Lengths of the phrases that begin with this word or character.
        self._lengths = {first: tuple(sorted(found)) for first, found in lengths.items()}

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(number of the phrase, start, end) of every occurrence, ordered by `start`."""
        numbers, lengths, size = self._numbers, self._lengths, len(text)
        for token in _TOKEN.finditer(text):
            first, start = token.group(), token.start()
            keys = (first, first[:-1]) if len(first) > 1 and first[-1] == "s" else (first,)
            for key in keys:
                for length in lengths.get(key, ()):
                    if start + length > size:
                        break
                    number = numbers.get(text[start : start + length])
                    if number is not None:
                        end = _whole_word_end(text, start + length, plural=length > _MAX_SINGULAR)
                        if end:
                            yield number, start, end


def _first_token(phrase: str) -> str:
    found = _TOKEN.match(phrase)
    return found.group() if found else ""


def _is_word(letter: str) -> bool:
    return letter.isalnum() and letter < "\u2e80"


def _whole_word_end(text: str, end: int, *, plural: bool) -> int:
    """The end of a phrase, including a plural `s`; 0 if the phrase ends inside a longer word."""
    if not _is_word(text[end - 1]) or end == len(text) or not _is_word(text[end]):
        return end
    if plural and text[end] == "s" and (end + 1 == len(text) or not _is_word(text[end + 1])):
        return end + 1
    return 0
