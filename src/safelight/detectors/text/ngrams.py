"""Hashed n-grams of words and letters. They work for any script and need no model file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

#: Increase this number whenever the features of a text change.
FEATURES = 2
SIZE = 2**15
#: Longer texts are read up to four times this number of characters.
WINDOW_CHARS = 480

Indices: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[np.float32]

_PIECE = re.compile(r"[a-z0-9][a-z0-9']*|[\u3400-\u9fff]+|[^\W\d_]+")


def features(text: str) -> tuple[Indices, Values]:
    """The n-grams of a folded text: sorted indices below `SIZE`, and their weights as a vector of length
    one.
    """
    hashed = [_bucket(gram) for gram in _grams(text)]
    indices, counts = np.unique(np.array(hashed, dtype=np.int64), return_counts=True)
    values = np.sqrt(counts).astype(np.float32)
    length = np.float32(max(float(np.linalg.norm(values)), 1e-9))
    return indices, np.asarray(values / length, dtype=np.float32)


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "ignore")) % SIZE


def _grams(text: str) -> Iterator[str]:
    before = ""
    for hit in _PIECE.finditer(text):
        piece = hit.group()
        if piece[0] >= "\u3400":
            for size in (1, 2, 3):
                for start in range(len(piece) - size + 1):
                    yield piece[start : start + size]
            before = ""
            continue
        yield f"w {piece}"
        if before:
            yield f"b {before} {piece}"
        before = piece
        edged = f"<{piece[:40]}>"
        for size in (3, 4):
            for start in range(len(edged) - size + 1):
                yield edged[start : start + size]
