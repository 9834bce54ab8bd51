"""Text sketch: a compact fingerprint of a text. It recognises paraphrases but does not reveal the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from . import ngrams
from .normalise import normalize_text

Array: TypeAlias = npt.NDArray[np.float32]
#: Maps a folded text to its embedding, or to None if the model cannot read the text.
Embedder: TypeAlias = Callable[[str], Array | None]

WIDTH = 1024
#: Minimum similarities at which two texts count as paraphrases. Of 90,000 pairs of unrelated prompts, fewer
#: than one in 5,000 reaches them; a prompt with a third of its words replaced usually does.
LETTERS_THRESHOLD, EMBEDDING_THRESHOLD, SUM_THRESHOLD = 0.45, 0.65, 0.85


class Sketch(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Two vectors of signed bytes: the hashed n-grams, and the embedding (empty without a model)."""

    letters: bytes
    embedding: bytes = b""


def sketch(text: str, embedder: Embedder | None = None) -> Sketch:
    """The sketch of a text. It is made from the normalized text, in which disguises are undone."""
    normalized = normalize_text(text)
    indices, values = ngrams.features(normalized)
    row = np.zeros(WIDTH, dtype=np.float32)
    signs = np.where((indices >> 14) & 1, np.float32(1), np.float32(-1))
    np.add.at(row, indices % WIDTH, signs * values)
    return Sketch(letters=_quantize(row), embedding=embed(normalized, embedder))


def embed(normalized: str, embedder: Embedder | None) -> bytes:
    """The embedding of a normalized text, as signed bytes; empty without a model that can read it."""
    embedded = embedder(normalized) if embedder else None
    return b"" if embedded is None else _quantize(embedded)


def similarity(one: Sketch, other: Sketch) -> float:
    """Similarity of two texts. They count as paraphrases if it is 1 or higher."""
    return float(similarities([one], [other])[0, 0])


def similarities(some: Sequence[Sketch], others: Sequence[Sketch]) -> Array:
    """The similarity of each pair: a row for each of `some`, a column for each of `others`."""
    letters = cosines([one.letters for one in some], [one.letters for one in others])
    meaning = cosines([one.embedding for one in some], [one.embedding for one in others])
    best = np.maximum(letters / LETTERS_THRESHOLD, meaning / EMBEDDING_THRESHOLD)
    return np.asarray(np.maximum(np.maximum(best, (letters + meaning) / SUM_THRESHOLD), 0))


def _quantize(row: Array) -> bytes:
    largest = float(np.abs(row).max(initial=0.0))
    scaled = row * (127 / largest) if largest > 0 else row
    return np.rint(scaled).astype(np.int8).tobytes()


def cosines(some: Sequence[bytes], others: Sequence[bytes]) -> Array:
    """The cosine of each pair of embeddings, a row for each of `some`; 0 without one of the same width."""
    width = max(map(len, (*some, *others)), default=0)
    return _unit_rows(some, width) @ _unit_rows(others, width).T


def _unit_rows(vectors: Sequence[bytes], width: int) -> Array:
    """A row of length one for each vector; zeros for one that is missing or has another width."""
    data = b"".join(one if len(one) == width else bytes(width) for one in vectors)
    rows = np.frombuffer(data, dtype=np.int8).astype(np.float32).reshape(len(vectors), width)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
