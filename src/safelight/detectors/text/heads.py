"""Small trained heads: from n-grams and embeddings to one probability per category.

The weights are in `heads/heads.npz`; how they were made, and what they are worth, in `heads/card.md`; from
which score on a category counts as found, in `heads/operating.json`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import ngrams

Array: TypeAlias = npt.NDArray[np.float32]

#: Findings below this probability are not worth a word.
FLOOR = 0.3
#: The last column of every score: harmful in any way. It has no probability of its own.
ANY = "*"
#: How much of it every category gets.
_OF_ANY = 0.5
#: How much of a part's score is the whole text's.
_OF_WHOLE = 0.3


class Mode(IntEnum):
    """What a score was made from; each has its own slope and operating point per category."""

    GRAMS = 0
    GRAMS_CHINESE = 1
    FUSED = 2


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Weights in memory. Scores have a column per category, in the order of `categories`."""

    categories: tuple[str, ...]
    #: (categories and one, n-grams) and what one level is worth.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    line: Array
    line_bias: Array
    hidden: Array
    hidden_bias: Array
    out: Array
    out_bias: Array
    #: (modes, categories): from a score to log-odds; 0.5 is the operating point.
    slopes: Array
    points: Array
    sha256: str

    @cached_property
    def _by_gram(self) -> npt.NDArray[np.int8]:
        return np.ascontiguousarray(self.gram_levels.T)

    def gram_scores(self, text: str) -> Array:
        """Log-odds, not calibrated, of a folded text by its n-grams; `ANY` in the last column."""
        indices, values = ngrams.features(text)
        raw = values @ self._by_gram[indices].astype(np.float32)
        return np.asarray(raw * self.gram_scale + self.gram_bias, dtype=np.float32)

    def embedding_scores(self, embeddings: Array) -> Array:
        """Log-odds, not calibrated, one row per embedding; `ANY` in the last column."""
        straight = embeddings @ self.line.T + self.line_bias
        bent = np.maximum(embeddings @ self.hidden + self.hidden_bias, 0) @ self.out + self.out_bias
        return np.asarray((straight + bent) / 2, dtype=np.float32)

    def probabilities(self, scores: Array, mode: Mode) -> Array:
        """From combined scores, without `ANY`, to probabilities."""
        odds = np.clip((scores - self.points[mode]) * self.slopes[mode], -30, 30)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def fused(gram_scores: Array, embedding_scores: Array) -> Array:
    """The embedding counts twice: it generalises, n-grams remember."""
    return np.asarray((gram_scores + 2 * embedding_scores) / 3, dtype=np.float32)


def combined(scores: Array) -> Array:
    """Scores with the column `ANY` folded into the others."""
    return np.asarray(scores[..., :-1] + _OF_ANY * scores[..., -1:], dtype=np.float32)


def in_context(parts: Array, whole: Array) -> Array:
    """The scores of a text's parts, each with something of the whole text's, and the whole as first row."""
    return np.concatenate([whole[None], (1 - _OF_WHOLE) * parts + _OF_WHOLE * whole])


def load(data: bytes | None = None, operating: Mapping[str, Any] | None = None) -> Heads:
    """The shipped heads, or those in `data`. Raises `ValueError` or `KeyError` where it holds no heads.

    Operating points that were chosen for other heads are refused.
    """
    if data is None:
        folder = files("safelight.detectors.text") / "heads"
        data = (folder / "heads.npz").read_bytes()
        operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if int(found["features"]) != ngrams.FEATURES:
            raise ValueError("these heads were trained on other features")
        names = tuple(str(name) for name in found["categories"])
        arrays = {
            name: np.asarray(found[name], dtype=np.float32)
            for name in (
                *("gram_scale", "gram_bias", "line", "line_bias", "hidden", "hidden_bias", "out", "out_bias"),
                *("slopes", "points"),
            )
        }
        levels = np.asarray(found["gram_levels"], dtype=np.int8)
    made = Heads(categories=names, gram_levels=levels, sha256=hashlib.sha256(data).hexdigest(), **arrays)
    return made if operating is None else operated(made, operating)


def stored(folder: Path) -> Heads:
    """The heads `safelight train` wrote into a folder. Raises like `load`, or `OSError`."""
    operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    return load((folder / "heads.npz").read_bytes(), operating)


def operated(made: Heads, operating: Mapping[str, Any]) -> Heads:
    """Heads whose 0.5 lies at other points, one per mode and category. Raises `ValueError`, `KeyError`."""
    if operating["heads"] != made.sha256:
        raise ValueError("these operating points were chosen for other heads")
    points = np.array(
        [[operating["points"][mode.name][name] for name in made.categories] for mode in Mode],
        dtype=np.float32,
    )
    return replace(made, points=points)


def dump(arrays: dict[str, npt.NDArray[np.generic]]) -> bytes:
    """The file `load` reads; the same arrays give the same bytes."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, features=np.array(ngrams.FEATURES), **arrays)
    return out.getvalue()
