"""A sketch of a text: enough to know it again when it was reworded, too little to read it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from . import ngrams
from .normalise import texts_of, views

Array: TypeAlias = npt.NDArray[np.float32]
#: A folded text in, its embedding out; None where nothing can be said.
Embedder: TypeAlias = Callable[[str], Array | None]

WIDTH = 1024
#: From here on two texts count as one reworded. Of 90,000 pairs of unrelated prompts fewer than one in
#: 5,000 is so alike; a prompt with a third of its words replaced usually still is.
LETTERS, MEANING, TOGETHER = 0.45, 0.65, 0.85


class Sketch(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Signed bytes: hashed n-grams, and the embedding (empty where there was no model)."""

    letters: bytes
    meaning: bytes = b""


def sketch(text: str, meaning: Embedder | None = None) -> Sketch:
    """The sketch of a text as it reads once its disguises are undone."""
    read = texts_of(views(text))[0].text
    indices, values = ngrams.features(read)
    row = np.zeros(WIDTH, dtype=np.float32)
    signs = np.where((indices >> 14) & 1, np.float32(1), np.float32(-1))
    np.add.at(row, indices % WIDTH, signs * values)
    embedded = meaning(read) if meaning else None
    return Sketch(letters=_bytes(row), meaning=b"" if embedded is None else _bytes(embedded))


def similarity(one: Sketch, other: Sketch) -> float:
    """How alike two texts are; from 1 on they are one text, reworded."""
    letters = _cosine(one.letters, other.letters)
    meaning = _cosine(one.meaning, other.meaning)
    return max(letters / LETTERS, meaning / MEANING, (letters + meaning) / TOGETHER, 0.0)


def _bytes(row: Array) -> bytes:
    largest = float(np.abs(row).max(initial=0.0))
    scaled = row * (127 / largest) if largest > 0 else row
    return np.rint(scaled).astype(np.int8).tobytes()


def _cosine(one: bytes, other: bytes) -> float:
    if not one or len(one) != len(other):
        return 0.0
    a = np.frombuffer(one, dtype=np.int8).astype(np.float32)
    b = np.frombuffer(other, dtype=np.int8).astype(np.float32)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))
