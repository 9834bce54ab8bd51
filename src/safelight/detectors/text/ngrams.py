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
#: Characters in a window, and characters that two neighbouring windows share.
WINDOW_CHARS, OVERLAP_CHARS = 480, 80

Indices: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[np.float32]

_PIECE = re.compile(r"[a-z0-9][a-z0-9']*|[\u3400-\u9fff]+|[^\W\d_]+")


def features(text: str) -> tuple[Indices, Values]:
    """The n-grams of a folded text: sorted indices below `SIZE`, and their weights as a vector of length
    one.
    """
    hashed = [_bucket(gram) for gram, _start, _end in _grams(text)]
    indices, counts = np.unique(np.array(hashed, dtype=np.int64), return_counts=True)
    values = np.sqrt(counts).astype(np.float32)
    length = np.float32(max(float(np.linalg.norm(values)), 1e-9))
    return indices, np.asarray(values / length, dtype=np.float32)


def windows(text: str) -> list[tuple[int, int]]:
    """Start and end of each window of a text. Windows end between words if possible."""
    found, start = [], 0
    while start < len(text):
        end = min(start + WINDOW_CHARS, len(text))
        if end < len(text):
            space = text.rfind(" ", start + WINDOW_CHARS - OVERLAP_CHARS, end)
            end = space if space > start else end
        found.append((start, end))
        if end == len(text):
            break
        start = max(end - OVERLAP_CHARS, start + 1)
    return found


def features_with_spans(text: str) -> tuple[Indices, Indices]:
    """Every n-gram of a folded text, including repeated ones: the indices, and a row (start, end) for
    each.
    """
    found = [(_bucket(gram), start, end) for gram, start, end in _grams(text)]
    rows = np.array(found, dtype=np.int64).reshape(-1, 3)
    return rows[:, 0], rows[:, 1:]


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "ignore")) % SIZE


def _grams(text: str) -> Iterator[tuple[str, int, int]]:
    """Each n-gram with the start and end of the words or characters from which it is made."""
    before, at = "", 0
    for hit in _PIECE.finditer(text):
        piece, first = hit.group(), hit.start()
        if piece[0] >= "\u3400":
            for size in (1, 2, 3):
                for start in range(len(piece) - size + 1):
                    yield piece[start : start + size], first + start, first + start + size
            before = ""
            continue
        yield f"w {piece}", first, hit.end()
        if before:
            yield f"b {before} {piece}", at, hit.end()
        before, at = piece, first
        edged = f"<{piece[:40]}>"
        for size in (3, 4):
            for start in range(len(edged) - size + 1):
                yield edged[start : start + size], first, hit.end()
