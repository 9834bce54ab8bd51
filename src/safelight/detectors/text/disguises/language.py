"""Measures how much a text is English, and divides letters without blanks into words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from .vocabulary import english, log_frequency, other_languages

_WORDS = re.compile(r"[a-z]+")
_ENDING = re.compile("(?<=...)(?:s|es|ed|ing|ly|er|est|ier|iest|y|ness)$")
_LONGEST_WORD = 14
#: Letters that are divided first; if they are no English, the others are not divided.
_SAMPLE_LETTERS = 120
#: Log10 of the probability of a letter that belongs to no word.
_UNKNOWN_LETTER = -5.0
#: Mean of log10 of the probability per letter. Divided English has -0.85 on average and rarely less than
#: -1.4; its letters in random order have -3, and never more than -2.1.
MIN_LIKELIHOOD = -1.35
#: A word of two words with this many letters and log10 of the frequency is known: "firecracker".
_MIN_PART_LETTERS, _MIN_PART = 3, -5.5
#: Fewer letters or words are English by chance.
_MIN_LETTERS, _MIN_WORDS = 20, 4
#: Pairs of letters that are compared, and the characters of a text in which they are counted.
_PAIRS, PAIR_CHARS = 110, 240
#: A whole text in another language has at least this share of its words among the frequent ones.
_MIN_OTHER = 0.4


class Reading(NamedTuple):
    """A candidate text and how much it is English: 0 is nothing, 1 is every letter in a known word."""

    text: str
    score: float


def words_of(text: str) -> list[str]:
    """The words of Latin letters."""
    return _WORDS.findall(text.casefold().replace("'", ""))


def known_share(words: Sequence[str]) -> float:
    """The share of the letters that are in English words."""
    return sum(len(word) for word in words if _is_known(word)) / max(sum(map(len, words)), 1)


@lru_cache(maxsize=8192)
def _is_known(word: str) -> bool:
    known = english()
    if word in known or (len(word) > 4 and _ENDING.sub("", word) in known):
        return True
    return any(
        known.get(word[:at], -9) > _MIN_PART and known.get(word[at:], -9) > _MIN_PART
        for at in range(_MIN_PART_LETTERS, len(word) - _MIN_PART_LETTERS + 1)
    )


def rate(text: str) -> Reading:
    """The text with its own blanks, scored by its known words; 0 if it is too short or has too many signs."""
    words = words_of(text)
    letters = sum(map(len, words))
    if letters < _MIN_LETTERS or len(words) < _MIN_WORDS or letters < 0.6 * len("".join(text.split())):
        return Reading(text, 0.0)
    # Words of two letters are found everywhere: text of nothing else is not English.
    long = sum(len(word) for word in words if len(word) > 2)
    return Reading(text, known_share(words) if long >= 0.5 * letters else 0.0)


def rate_without_blanks(text: str) -> Reading:
    """The letters of the text divided into words, scored by their likelihood."""
    letters = "".join(words_of(text))
    if len(letters) < _MIN_LETTERS:
        return Reading(text, 0.0)
    if divide(letters[:_SAMPLE_LETTERS])[1] < MIN_LIKELIHOOD:
        return Reading(text, 0.0)
    words, likelihood = divide(letters)
    if likelihood < MIN_LIKELIHOOD:
        return Reading(" ".join(words), 0.0)
    return Reading(" ".join(words), known_share([word for word in words if len(word) > 1]))


def divide(letters: str) -> tuple[list[str], float]:
    """The most likely words of a row of letters, and the mean of log10 of the probability per letter."""
    known = english()
    best, sizes = [0.0], [0]
    for end in range(1, len(letters) + 1):
        top, size = best[end - 1] + _UNKNOWN_LETTER, 1
        for length in range(1, min(end, _LONGEST_WORD) + 1):
            frequency = known.get(letters[end - length : end])
            if frequency is not None and best[end - length] + frequency > top:
                top, size = best[end - length] + frequency, length
        best.append(top)
        sizes.append(size)
    words, end = [], len(letters)
    while end:
        words.append(letters[end - sizes[end] : end])
        end -= sizes[end]
    return words[::-1], best[-1] / max(len(letters), 1)


def english_pairs(text: str) -> float:
    """The share of the pairs of letters that are frequent in English, at the start of the text."""
    letters = "".join(words_of(text[:PAIR_CHARS]))
    pairs = _english_pairs()
    count = max(len(letters) - 1, 20)
    return sum(letters[at : at + 2] in pairs for at in range(len(letters) - 1)) / count


@cache
def _english_pairs() -> frozenset[str]:
    counted: Counter[str] = Counter()
    for word, frequency in english().items():
        for at in range(len(word) - 1):
            counted[word[at : at + 2]] += int(10 ** (frequency + 7))
    return frozenset(pair for pair, _count in counted.most_common(_PAIRS))


def is_other_language(words: Sequence[str]) -> bool:
    """Whether many of the words are frequent in one language other than English."""
    counted = [word for word in words if len(word) > 1]
    return len(counted) >= _MIN_WORDS and any(
        sum(word in language for word in counted) >= _MIN_OTHER * len(counted)
        for language in other_languages()
    )


def strange_part(text: str) -> str:
    """The part of a text that has the most unknown words and the fewest known ones."""
    best = total = 0
    start, first, last = 0, 0, len(text)
    for hit in re.finditer(r"\S+", text):
        words = words_of(hit.group())
        is_known = bool(words) and all(log_frequency(word) > -6 for word in words)
        if total <= 0:
            total, start = 0, hit.start()
        total += -len(hit.group()) if is_known else len(hit.group())
        if total > best:
            best, first, last = total, start, hit.end()
    return text[first:last]
