"""Sentence encoder E5: reads English and Chinese without glosses, from a folder that `conversion` wrote.

An embedding joins the maxima and the means of the tokens after several layers: the middle ones tell better
than the last one who does what to whom, and maxima keep a deed that stands in a long harmless sentence
(docs/benchmarks/acts.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.models.weights import verify_files
from safelight.detectors.onnx_session import open_session
from safelight.detectors.text.minilm.encoder import TokenWindow, split_windows
from safelight.detectors.text.minilm.graph import WIDTH, layer_output, with_layers

from .conversion import GRAPH_FILE, TOKENIZER_FILE, VOCABULARY_FILE

Array: TypeAlias = npt.NDArray[np.float32]

#: The model was trained with this word before every text.
_PREFIX = "query:"
#: The layers whose tokens are read; the first layer is 0 and the last one 11.
LAYERS = (6, 9, 11)
#: The layer after which other top layers can go on (`acts`).
SHARED_LAYER = 8


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What E5 reads in a text."""

    embedding: Array
    #: For each window, its tokens after `SHARED_LAYER`: (tokens, 384).
    tokens: tuple[Array, ...]


class E5Encoder:
    """Sentence embeddings: 384 maxima per layer, then 384 means per layer. Thread-safe. Raises
    `WeightsChanged` for files that were changed.
    """

    def __init__(
        self, folder: Path, layers: Sequence[int] = LAYERS, shared_layer: int = SHARED_LAYER
    ) -> None:
        from tokenizers import Tokenizer

        self._layers = layers
        #: One hash over all files of the model.
        self.sha256 = verify_files(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        with np.load(folder / VOCABULARY_FILE, allow_pickle=False) as found:
            # The runtime would keep the vocabulary as float32, which is four times as large.
            self._levels: npt.NDArray[np.int8] = found["levels"]
            self._scale: Array = found["scale"]
            self._before = (int(found["first"]), *self._tokenizer.encode(_PREFIX).ids)
            self._last = int(found["last"])
        self._session = open_session(
            with_layers((folder / GRAPH_FILE).read_bytes(), sorted({shared_layer, *layers}))
        )
        self._outputs = [layer_output(layer) for layer in (shared_layer, *layers)]

    def windows(self, text: str) -> list[TokenWindow]:
        """The windows of a folded text: one per sentence, or one for several short sentences."""
        return split_windows(text, self._tokenizer.encode(text, add_special_tokens=False))

    def read(self, windows: Sequence[TokenWindow]) -> list[Reading]:
        """One reading for each window. In its embedding, the means of each layer have unit length."""
        found = []
        for window in windows:
            tokens = [*self._before, *window.ids, self._last]
            looked_up = self._levels[tokens].astype(np.float32) * self._scale[tokens, None]
            feed = {
                "rows": looked_up[None],
                "attention_mask": np.ones((1, len(tokens)), dtype=np.int64),
                "positions": np.arange(len(tokens), dtype=np.int64),
            }
            (shared,), *layers = self._session.run(self._outputs, feed)
            maxima = [words.max(axis=0) for (words,) in layers]
            means = [unit(words.mean(axis=0)) for (words,) in layers]
            found.append(Reading(embedding=np.concatenate([*maxima, *means]), tokens=(shared,)))
        return found

    def read_text(self, text: str) -> Reading:
        """The windows of a folded text together, weighted by their length. Zeros if it has none."""
        windows = self.windows(text)
        if not windows:
            return Reading(embedding=np.zeros(2 * len(self._layers) * WIDTH, dtype=np.float32), tokens=())
        return join(self.read(windows), [len(one.ids) for one in windows])


def join(readings: Sequence[Reading], weights: Sequence[int]) -> Reading:
    """Several readings as one: the maxima of their maxima, and the weighted means of their means, of unit
    length again.
    """
    maxima, means = np.split(np.stack([one.embedding for one in readings]), 2, axis=1)
    mean = np.array(weights, dtype=np.float32) @ means
    return Reading(
        embedding=np.concatenate([maxima.max(axis=0), *map(unit, mean.reshape(-1, WIDTH))]),
        tokens=tuple(window for one in readings for window in one.tokens),
    )


def unit(row: Array) -> Array:
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-9), dtype=np.float32)
