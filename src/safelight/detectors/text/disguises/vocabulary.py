"""English words with their frequency, indexes of them by what a disguise keeps, other languages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from itertools import islice

import msgspec
import numpy as np
import numpy.typing as npt

from ..minilm.cache import default_folder, load_or_build

#: Log10 of the lowest frequency. Rarer entries are mostly names, typing errors and other languages.
_MIN_LOG_FREQUENCY = -6.3
#: The list contains every pair of letters; these are the words of two letters.
_SHORT_WORDS = frozenset(
    re.findall(
        "[a-z]+", "a i am an as at be by do go he hi if in is it me my no of oh ok on or ox so to tv up us we"
    )
)
_VOWEL = re.compile("[aeiouy]")
#: Languages with Latin letters whose sentences must not be taken for misspelled English, and the number of
#: steps of 0.01 in log10 of the frequency that are compared: about 6,000 words of each.
_OTHER_LANGUAGES = re.findall(
    "[a-z]+", "es fr de it pt nl pl sv da nb fi cs hu ro tr id ms vi ca sh sk sl lt lv is fil"
)
_OTHER_BUCKETS = 430
#: Increase this number whenever the words change.
_FORMAT = 1


@cache
def english() -> Mapping[str, float]:
    """Log10 of the frequency of each English word, the most frequent word first."""
    return msgspec.json.decode(_load("english", _read_english), type=dict[str, float])


def _read_english() -> dict[str, float]:
    return {
        word: -bucket / 100
        for bucket, words in enumerate(_frequency_list("en", "large"))
        if -bucket / 100 >= _MIN_LOG_FREQUENCY
        for word in words
        if word.isascii()
        and word.isalpha()
        and (word in _SHORT_WORDS if len(word) < 3 else _VOWEL.search(word) is not None)
    }


@cache
def other_languages() -> tuple[frozenset[str], ...]:
    """Frequent words of each other language that are less frequent in English."""
    return msgspec.json.decode(_load("other", _read_others), type=tuple[frozenset[str], ...])


def _read_others() -> list[list[str]]:
    return [_read_language(language, _OTHER_BUCKETS) for language in _OTHER_LANGUAGES]


@cache
def words_of_language(language: str) -> frozenset[str]:
    """All words of a language, some 30,000, that are less frequent in English."""
    return msgspec.json.decode(_load(language, lambda: _read_language(language)), type=frozenset[str])


def _read_language(language: str, buckets: int | None = None) -> list[str]:
    return [
        word
        for bucket, words in enumerate(_frequency_list(language, "small")[:buckets])
        for word in words
        if log_frequency(word) < -bucket / 100
    ]


def _load(name: str, read: Callable[[], object]) -> bytes:
    """The words as JSON, from the cache if they are there: the package reads ten times as long."""
    stored = f"frequent-{name}-{version('wordfreq')}-{_FORMAT}"
    return load_or_build(default_folder(), stored, lambda: msgspec.json.encode(read()), suffix=".json")


@cache
def index_by(key: Callable[[str], str], size: int | None = None) -> Mapping[str, tuple[str, ...]]:
    """The `size` most frequent English words by their key, the most frequent first."""
    found: dict[str, list[str]] = {}
    for word in islice(english(), size):
        found.setdefault(key(word), []).append(word)
    return {one: tuple(words[:12]) for one, words in found.items()}


@cache
def words_of_length(length: int) -> tuple[tuple[str, ...], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """The English words of a length, their letters (0 to 25), and their log10 frequencies."""
    words = tuple(word for word in english() if len(word) == length)
    letters = np.frombuffer("".join(words).encode(), np.uint8).reshape(len(words), length) - ord("a")
    return words, letters, np.array([english()[word] for word in words], np.float32)


def _frequency_list(language: str, size: str) -> list[list[str]]:
    # Loads slowly, and its own functions keep the whole list in memory.
    import wordfreq

    found: list[list[str]] = wordfreq.get_frequency_list.__wrapped__(language, size)
    return found


def log_frequency(word: str) -> float:
    """Log10 of the frequency of an English word; minus infinity for other words."""
    return english().get(word, -math.inf)
