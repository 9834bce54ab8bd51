"""Text in, embeddings out: windows over the tokens, one thread, no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from . import graph
from .cache import cached
from .package import WEIGHTS_SHA256, Weights, read_tensors

Array: TypeAlias = npt.NDArray[np.float32]

#: Tokens in a window, and how many two neighbours share; longer texts than one window get several.
WINDOW, OVERLAP = 126, 26


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of the text: its tokens, and the characters they stand for."""

    ids: tuple[int, ...]
    start: int
    end: int


class WrongWeights(ValueError):
    """The installed file is not the one the heads were trained with."""


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

    def windows(self, text: str) -> list[Window]:
        """The text cut into windows; none where it holds no word."""
        read = self._tokenizer.encode(text, add_special_tokens=False)
        found = []
        for start in range(0, max(len(read.ids) - OVERLAP, 1), WINDOW - OVERLAP):
            ids, places = read.ids[start : start + WINDOW], read.offsets[start : start + WINDOW]
            if ids:
                found.append(Window(ids=tuple(ids), start=places[0][0], end=places[-1][1]))
        return found

    def embed(self, windows: Sequence[Window]) -> Array:
        """One row of length one per window."""
        rows = np.zeros((len(windows), graph.WIDTH), dtype=np.float32)
        # One at a time: on one thread a batch only adds padding.
        for index, window in enumerate(windows):
            tokens = np.array([[self._first, *window.ids, self._last]], dtype=np.int64)
            feed = {
                "input_ids": tokens,
                "attention_mask": np.ones_like(tokens),
                "positions": np.arange(tokens.shape[1], dtype=np.int64),
            }
            rows[index] = self._session.run(["embedding"], feed)[0][0]
        return rows


def _built(path: Path) -> bytes:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise WrongWeights(f"{path.name} has the sha256 {digest[:12]}..., expected {WEIGHTS_SHA256[:12]}...")
    return graph.build(read_tensors(path))
