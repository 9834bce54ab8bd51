"""Hashed n-grams of words and letters. They work for any script and need no model file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

#: Increase this number whenever the features of a text change.
FEATURES = 2
SIZE = 2**15
#: Longer texts are read up to four times this number of characters.
WINDOW_CHARS = 480
#: Letters of a word that are read.
MAX_WORD = 40

Indices: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[np.float32]

_PIECE = re.compile(r"[a-z0-9][a-z0-9']*|[\u3400-\u9fff]+|[^\W\d_]+")


def features(text: str) -> tuple[Indices, Values]:
    """The n-grams of a folded text: sorted indices below `SIZE`, and their weights as a vector of length
    one.
    """
    hashed = [*_buckets(text)]
    indices, counts = np.unique(np.array(hashed, dtype=np.int64), return_counts=True)
    values = np.sqrt(counts).astype(np.float32)
    length = np.float32(max(float(np.linalg.norm(values)), 1e-9))
    return indices, np.asarray(values / length, dtype=np.float32)


def _buckets(text: str) -> Iterator[int]:
    before = ""
    for hit in _PIECE.finditer(text):
        piece = hit.group()
        if piece[0] >= "\u3400":
            for size in (1, 2, 3):
                for start in range(len(piece) - size + 1):
                    yield _bucket(piece[start : start + size])
            before = ""
            continue
        buckets = _buckets_of_word if len(piece) <= MAX_WORD else _buckets_of_word.__wrapped__
        yield from buckets(piece)
        if before:
            yield _bucket(f"b {before} {piece}")
        before = piece


@lru_cache(maxsize=8_192)
def _buckets_of_word(word: str) -> tuple[int, ...]:
    """The word and its letters. Words recur in many texts, and hashing takes most of the time of a text."""
    edged = f"<{word[:MAX_WORD]}>"
    letters = (edged[start : start + size] for size in (3, 4) for start in range(len(edged) - size + 1))
    return tuple(map(_bucket, (f"w {word}", *letters)))


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "ignore")) % SIZE
