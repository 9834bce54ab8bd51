"""Sentence encoder: converts a text to embeddings, in windows of tokens, on one thread."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.core.fileio import sha256_file
from safelight.detectors.models.weights import WeightsChanged
from safelight.detectors.onnx_session import open_session

from . import graph
from .cache import load_or_build
from .package import WEIGHTS_SHA256, Weights, read_tensors

Array: TypeAlias = npt.NDArray[np.float32]

#: Most tokens in a window; tokens that two windows of a long sentence share; most tokens for which several
#: sentences share a window. Windows are short so that one sentence still has an effect on the mean.
WINDOW_TOKENS, OVERLAP_TOKENS, SHARED_WINDOW_TOKENS = 126, 26, 32
#: Number of windows whose embeddings stay in memory: as many as a long text has.
CACHED_WINDOWS = 128
_SENTENCE_END = re.compile(r"[.!?;\n\u3002\uff01\uff1f\uff1b]")


@dataclass(frozen=True, kw_only=True)
class TokenWindow:
    """A window of a text: its tokens and its character range."""

    ids: tuple[int, ...]
    start: int
    end: int
    #: Character range of each token in the text.
    offsets: tuple[tuple[int, int], ...] = ()


class Encoding(Protocol):
    """The tokens of a text: their numbers, and their character ranges."""

    @property
    def ids(self) -> Sequence[int]: ...
    @property
    def offsets(self) -> Sequence[tuple[int, int]]: ...


class Encoder:
    """MiniLM sentence embeddings of 384 values. Thread-safe."""

    def __init__(self, weights: Weights, cache: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(weights.tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first = self._tokenizer.token_to_id("[CLS]")
        self._last = self._tokenizer.token_to_id("[SEP]")
        data = load_or_build(
            cache, f"minilm-int8-{WEIGHTS_SHA256[:12]}-{graph.BUILDER}", lambda: _build_graph(weights.tensors)
        )
        #: sha256 of the ONNX graph in use.
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._session = open_session(data)
        # Several detectors read the same text.
        self._embed_window = lru_cache(maxsize=CACHED_WINDOWS)(self._run)

    def windows(self, text: str) -> list[TokenWindow]:
        """The windows of a text: one per sentence, or one for several short sentences. Empty if the text
        contains no word.
        """
        return split_windows(text, self._tokenizer.encode(text, add_special_tokens=False))

    def read(self, text: str) -> tuple[list[TokenWindow], Array]:
        """The windows of a text, and one embedding for each."""
        windows = self.windows(text)
        return windows, self.embed(windows)

    def embed(self, windows: Sequence[TokenWindow]) -> Array:
        """One embedding of unit length for each window."""
        return self.embed_words(windows)[0]

    def embed_words(self, windows: Sequence[TokenWindow]) -> tuple[Array, list[Array]]:
        """One embedding for each window, and a matrix for each window with one row per token.

        The embedding of a window is close to the mean of its token rows.
        """
        # Windows run one at a time, because on one thread a batch would only add padding.
        found = [self._embed_window(window.ids) for window in windows]
        rows = np.zeros((len(windows), graph.WIDTH), dtype=np.float32)
        for index, (row, _words) in enumerate(found):
            rows[index] = row
        return rows, [words for _row, words in found]

    def _run(self, ids: tuple[int, ...]) -> tuple[Array, Array]:
        tokens = np.array([[self._first, *ids, self._last]], dtype=np.int64)
        feed = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "positions": np.arange(tokens.shape[1], dtype=np.int64),
        }
        embedding, words = self._session.run(["embedding", "words"], feed)
        return embedding[0], np.asarray(words[0][1:-1], dtype=np.float32)


def split_windows(text: str, encoding: Encoding) -> list[TokenWindow]:
    """The windows of a text that a tokenizer has split."""
    found = []
    for first, last in _sentences(text, encoding.offsets):
        for start in range(first, max(last - OVERLAP_TOKENS, first + 1), WINDOW_TOKENS - OVERLAP_TOKENS):
            end = min(start + WINDOW_TOKENS, last)
            places = encoding.offsets[start:end]
            found.append(
                TokenWindow(
                    ids=tuple(encoding.ids[start:end]),
                    start=places[0][0],
                    end=places[-1][1],
                    offsets=tuple(places),
                )
            )
    return found


def _sentences(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last token (exclusive) of each sentence, or of several short sentences together."""
    first = end = 0
    for index, (start, stop) in enumerate(offsets):
        if stop - start == 1 and _SENTENCE_END.match(text, start):
            if end > first and index + 1 - first > SHARED_WINDOW_TOKENS:
                yield first, end
                first = end
            end = index + 1
    if end > first and len(offsets) > end and len(offsets) - first > SHARED_WINDOW_TOKENS:
        yield first, end
        first = end
    if len(offsets) > first:
        yield first, len(offsets)


def _build_graph(path: Path) -> bytes:
    digest = sha256_file(path)
    if digest != WEIGHTS_SHA256:
        raise WeightsChanged(
            f"{path.name} has the sha256 {digest[:12]}..., expected {WEIGHTS_SHA256[:12]}..."
        )
    return graph.build(read_tensors(path))
