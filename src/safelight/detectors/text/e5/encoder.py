"""Sentence encoder E5: reads English and Chinese without glosses, from a folder that `conversion` wrote.

An embedding joins the maxima and the means of the tokens after several layers: the middle ones tell better than
the last one who does what to whom, and maxima keep a deed in a long harmless sentence (docs/benchmarks/acts.md).
"""

from __future__ import annotations

from collections.abc import Sequence
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


class E5Encoder:
    """Sentence embeddings: 384 maxima per layer, then 384 means per layer. Thread-safe. Raises `WeightsChanged` for files that were
    changed.
    """

    def __init__(self, folder: Path, layers: Sequence[int] = LAYERS) -> None:
        from tokenizers import Tokenizer

        #: One hash over all files of the model.
        self.sha256 = verify_files(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        with np.load(folder / VOCABULARY_FILE, allow_pickle=False) as found:
            # The runtime would keep the vocabulary as float32, which is four times as large.
            self._levels: npt.NDArray[np.int8] = found["levels"]
            self._scale: Array = found["scale"]
            self._before = (int(found["first"]), *self._tokenizer.encode(_PREFIX).ids)
            self._last = int(found["last"])
        self._session = open_session(with_layers((folder / GRAPH_FILE).read_bytes(), layers))
        self._outputs = [layer_output(layer) for layer in layers]

    def windows(self, text: str) -> list[TokenWindow]:
        """The windows of a folded text: one per sentence, or one for several short sentences."""
        return split_windows(text, self._tokenizer.encode(text, add_special_tokens=False))

    def embed(self, windows: Sequence[TokenWindow]) -> Array:
        """One embedding for each window. The means of each layer have unit length together."""
        rows = np.zeros((len(windows), 2, len(self._outputs), WIDTH), dtype=np.float32)
        for index, window in enumerate(windows):
            tokens = [*self._before, *window.ids, self._last]
            looked_up = self._levels[tokens].astype(np.float32) * self._scale[tokens, None]
            feed = {
                "rows": looked_up[None],
                "attention_mask": np.ones((1, len(tokens)), dtype=np.int64),
                "positions": np.arange(len(tokens), dtype=np.int64),
            }
            for layer, (words,) in enumerate(self._session.run(self._outputs, feed)):
                rows[index, 0, layer] = words.max(axis=0)
                rows[index, 1, layer] = _unit(words.mean(axis=0))
        return rows.reshape(len(windows), -1)

    def embed_text(self, text: str) -> Array:
        """The embedding of a folded text: its windows together, weighted by their length. Zeros if it has
        none.
        """
        windows = self.windows(text)
        if not windows:
            return np.zeros(2 * len(self._outputs) * WIDTH, dtype=np.float32)
        return self.join(self.embed(windows), [len(one.ids) for one in windows])

    def join(self, rows: Array, weights: Sequence[int]) -> Array:
        """The maxima of the maxima of embeddings, and the weighted means of their means, of unit length again."""
        maxima, means = np.split(rows, 2, axis=1)
        mean = np.array(weights, dtype=np.float32) @ means
        return np.concatenate([maxima.max(axis=0), *map(_unit, mean.reshape(-1, WIDTH))])


def _unit(row: Array) -> Array:
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-9), dtype=np.float32)
