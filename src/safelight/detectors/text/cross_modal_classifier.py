"""A learned reading of request, picture and sound as one: what is harmful only together.

Likeness of MiniLM's embeddings to those of examples, and n-grams; Chinese by n-grams alone. English needs
MiniLM and is not read without it. The weights are in `heads/joint.npz`, written by
`python -m bench.together_train`; what they are worth is in docs/benchmarks/together.md.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from . import classifiers, ngrams
from .chinese import mostly_chinese
from .classifiers import Array
from .normalise import texts_of, views
from .sketch import Embedder

#: The first column of every score: harmful in any way.
ANY = "*"
#: How quickly likeness falls with the angle between two embeddings, and what it counts beside n-grams.
SHARPNESS, COUNTS = 4.0, 4.0
ARRAYS = ("features", "columns", "known", "pull", "levels", "scale", "bias", "points")


@dataclass(frozen=True, kw_only=True)
class Joint:
    """What the reading says: how far over the operating point, and what it is most like."""

    over: float
    category: str


@dataclass(frozen=True, kw_only=True)
class JointHead:
    """Weights in memory; `columns` begins with `ANY`. Rows of two are English and Chinese."""

    columns: tuple[str, ...]
    #: One row per English example: its embedding in 127 steps, its length not yet one.
    known: npt.NDArray[np.int8]
    #: (columns, examples): how far likeness to each example pulls.
    pull: Array
    #: (2, columns, n-grams), and what a level is worth.
    levels: npt.NDArray[np.int8]
    scale: Array
    bias: Array
    points: Array

    @cached_property
    def _examples(self) -> Array:
        return classifiers.unit(self.known)

    def read(self, described: str, told: Sequence[str], meaning: Embedder | None) -> Joint | None:
        """The reading of a clip `described` in a sentence, whose words are also `told` in other ways. None
        where it cannot be read: English without `meaning`."""
        folded = fold(described)
        chinese = mostly_chinese(folded)
        together = None if chinese else embedded([folded, *map(fold, told)], meaning)
        if not chinese and together is None:
            return None
        scores = self.scores(folded, together)
        return Joint(
            over=float(scores[0] - self.points[int(chinese)]),
            category=self.columns[1 + int(np.argmax(scores[1:]))],
        )

    def scores(self, folded: str, together: Array | None) -> Array:
        """A score per column; without an embedding as Chinese is read."""
        script = int(together is None)
        indices, values = ngrams.features(folded[: 4 * ngrams.WINDOW])
        levels = self.levels[script][:, indices].astype(np.float32)
        found = levels @ values * self.scale[script] + self.bias[script]
        if together is not None:
            near = nearness(np.vecdot(self._examples, together))
            found = found + np.vecdot(self.pull, near)
        return np.asarray(found, dtype=np.float32)


def fold(text: str) -> str:
    """A text as it is read: its disguises undone."""
    return texts_of(views(text))[0].text


def embedded(folded: Sequence[str], meaning: Embedder | None) -> Array | None:
    """The mean of the embeddings of the tellings of one clip, of length one."""
    if meaning is None:
        return None
    known = {text: meaning(text) for text in dict.fromkeys(folded)}
    rows = [row for row in (known[text] for text in folded) if row is not None]
    if not rows:
        return None
    mean = np.sum(rows, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def nearness(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a cosine between two embeddings counts."""
    return COUNTS * np.exp(SHARPNESS * (cosines - 1))


def load(data: bytes) -> JointHead:
    """The head in a file that `dump` made. Raises `ValueError` or `KeyError` where it holds none."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in ARRAYS}
    if int(arrays["features"]) != ngrams.FEATURES:
        raise ValueError("this head was trained on other features")
    return JointHead(
        columns=tuple(str(name) for name in arrays["columns"]),
        known=np.asarray(arrays["known"], dtype=np.int8),
        pull=np.asarray(arrays["pull"], dtype=np.float32),
        levels=np.asarray(arrays["levels"], dtype=np.int8),
        scale=np.asarray(arrays["scale"], dtype=np.float32),
        bias=np.asarray(arrays["bias"], dtype=np.float32),
        points=np.asarray(arrays["points"], dtype=np.float32),
    )


def dump(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The file `load` reads."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{name: arrays[name] for name in ARRAYS})
    return out.getvalue()


@lru_cache(maxsize=1)
def shipped() -> JointHead:
    """The head that comes with the package; read once."""
    return load((files("safelight.detectors.text") / "weights" / "joint.npz").read_bytes())
