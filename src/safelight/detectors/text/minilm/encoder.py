"""Text in, embeddings out: windows over the tokens, one thread, no torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.models.weights import WeightsChanged
from safelight.fileio import sha256_file

from . import graph
from .cache import cached
from .package import WEIGHTS_SHA256, Weights, read_tensors

Array: TypeAlias = npt.NDArray[np.float32]

#: Tokens in a window at most, how many two neighbours share where a sentence is longer, and up to how many
#: sentences share one: what one sentence says must not be lost among the others.
WINDOW, OVERLAP, TOGETHER = 126, 26, 32
_END = re.compile(r"[.!?;\n\u3002\uff01\uff1f\uff1b]")


@dataclass(frozen=True, kw_only=True)
class TokenWindow:
    """A stretch of the text: its tokens, and the characters they stand for."""

    ids: tuple[int, ...]
    start: int
    end: int
    #: Where in the text each token is.
    places: tuple[tuple[int, int], ...] = ()


class Encoder:
    """MiniLM sentence embeddings of 384 numbers. Safe to call from several threads."""

    def __init__(self, weights: Weights, cache: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(weights.tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first = self._tokenizer.token_to_id("[CLS]")
        self._last = self._tokenizer.token_to_id("[SEP]")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # An arena keeps the memory of the longest text ever seen.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        data = cached(
            cache, f"minilm-int8-{WEIGHTS_SHA256[:12]}-{graph.BUILDER}", lambda: _built(weights.tensors)
        )
        #: sha256 of the graph that runs.
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def windows(self, text: str) -> list[TokenWindow]:
        """The text cut into sentences, short ones together; none where it holds no word."""
        read = self._tokenizer.encode(text, add_special_tokens=False)
        found = []
        for first, last in _sentences(text, read.offsets):
            for start in range(first, max(last - OVERLAP, first + 1), WINDOW - OVERLAP):
                end = min(start + WINDOW, last)
                places = read.offsets[start:end]
                found.append(
                    TokenWindow(
                        ids=tuple(read.ids[start:end]),
                        start=places[0][0],
                        end=places[-1][1],
                        places=tuple(places),
                    )
                )
        return found

    def read(self, text: str) -> tuple[list[TokenWindow], Array]:
        """The windows of a text, and one row for each."""
        windows = self.windows(text)
        return windows, self.embed(windows)

    def embed(self, windows: Sequence[TokenWindow]) -> Array:
        """One row of length one per window."""
        return self.embed_words(windows)[0]

    def embed_words(self, windows: Sequence[TokenWindow]) -> tuple[Array, list[Array]]:
        """The same, and per window a row for each token; of those, the window's own row is near the mean."""
        rows = np.zeros((len(windows), graph.WIDTH), dtype=np.float32)
        words = []
        # One at a time: on one thread a batch only adds padding.
        for index, window in enumerate(windows):
            tokens = np.array([[self._first, *window.ids, self._last]], dtype=np.int64)
            feed = {
                "input_ids": tokens,
                "attention_mask": np.ones_like(tokens),
                "positions": np.arange(tokens.shape[1], dtype=np.int64),
            }
            embedding, each = self._session.run(["embedding", "words"], feed)
            rows[index] = embedding[0]
            words.append(np.asarray(each[0][1:-1], dtype=np.float32))
        return rows, words


def _sentences(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last token (exclusive) of each sentence, or of several short ones."""
    first = end = 0
    for index, (start, stop) in enumerate(offsets):
        if stop - start == 1 and _END.match(text, start):
            if end > first and index + 1 - first > TOGETHER:
                yield first, end
                first = end
            end = index + 1
    if end > first and len(offsets) > end and len(offsets) - first > TOGETHER:
        yield first, end
        first = end
    if len(offsets) > first:
        yield first, len(offsets)


def _built(path: Path) -> bytes:
    digest = sha256_file(path)
    if digest != WEIGHTS_SHA256:
        raise WeightsChanged(
            f"{path.name} has the sha256 {digest[:12]}..., expected {WEIGHTS_SHA256[:12]}..."
        )
    return graph.build(read_tensors(path))
