"""Word n-grams of English, and word and character n-grams of Chinese, as sparse TF-IDF vectors."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint32]
Indices: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = npt.NDArray[np.float32]
#: An n-gram with the start and end of its words in the text.
Gram: TypeAlias = tuple[str, int, int]

#: Increase this number whenever the n-grams of a text change.
FEATURES = 3
#: A vector is divided by its length, but by at least this number. Without it a text of one word would weigh
#: as much as a sentence, all of it on one n-gram.
MIN_LENGTH = 12.0

_ENGLISH = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")


def english_words(text: str) -> list[Gram]:
    """The words of a folded text."""
    return [(hit.group(), *hit.span()) for hit in _ENGLISH.finditer(text)]


def chinese_words(text: str, *, guess: bool = True) -> list[Gram]:
    """The words of a folded text, without punctuation and words of other scripts.

    `guess`: also words that the dictionary of the segmenter does not have.
    """
    # Loads its dictionary when it is imported, which takes a fifth of a second.
    import rjieba

    found = []
    for run in _CHINESE_RUN.finditer(text):
        start = run.start()
        for word in rjieba.cut(run.group(), guess):
            found.append((word, start, start + len(word)))
            start += len(word)
    return found


def english_grams(text: str) -> list[Gram]:
    """Single words and pairs of neighbouring words."""
    return list(_with_pairs(english_words(text)))


def chinese_grams(text: str) -> list[Gram]:
    """Single words, pairs of neighbouring words, and two or three neighbouring characters.

    Single characters are left out, because a character is not a word.
    """
    grams = list(_with_pairs(chinese_words(text)))
    for run in _CHINESE_RUN.finditer(text):
        letters, first = run.group(), run.start()
        grams += [
            (f"c {letters[start : start + size]}", first + start, first + start + size)
            for size in (2, 3)
            for start in range(len(letters) - size + 1)
        ]
    return grams


def hash_gram(gram: str) -> int:
    """A number of 32 bits that stands for an n-gram."""
    return zlib.crc32(gram.encode("utf-8", "ignore"))


def hash_grams(grams: Sequence[Gram]) -> Hashes:
    """The hashes of all n-grams of a text, in the same order."""
    return np.array([hash_gram(gram) for gram, _start, _end in grams], dtype=np.uint32)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The n-grams that a classifier knows, as sorted hashes, and how rare each is."""

    hashes: Hashes
    rarity: Array

    def find(self, hashed: Hashes) -> tuple[Indices, Indices]:
        """Column of each known n-gram of a text, and its position in `hashed`."""
        columns = np.minimum(np.searchsorted(self.hashes, hashed), len(self.hashes) - 1)
        known = np.flatnonzero(self.hashes[columns] == hashed)
        return columns[known].astype(np.int64), known.astype(np.int64)

    def vector(self, grams: Sequence[Gram]) -> tuple[Indices, Array]:
        """TF-IDF of a text: sorted columns, and their values."""
        return self.vector_of(hash_grams(grams))

    def vector_of(self, hashed: Hashes) -> tuple[Indices, Array]:
        """TF-IDF of a text whose n-grams are hashed already."""
        columns, values = self._weigh(hashed)
        return columns, values / np.float32(_divisor(values))

    def divisor(self, hashed: Hashes) -> float:
        """The number by which the values of a text are divided."""
        return _divisor(self._weigh(hashed)[1])

    def _weigh(self, hashed: Hashes) -> tuple[Indices, Array]:
        columns, counts = np.unique(self.find(hashed)[0], return_counts=True)
        return columns, ((1 + np.log(counts)) * self.rarity[columns]).astype(np.float32)


def _divisor(values: Array) -> float:
    return max(float(np.linalg.norm(values)), MIN_LENGTH)


def _with_pairs(words: Sequence[Gram]) -> Iterator[Gram]:
    before: Gram | None = None
    for word in words:
        yield word
        if before is not None:
            yield f"{before[0]} {word[0]}", before[1], word[2]
        before = word
