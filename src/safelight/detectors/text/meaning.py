"""Linear classifiers on the meaning of a text: on its MiniLM and E5 embeddings, and on its n-grams.

One finds distress; it needs no first person, because people in distress also speak of things, such as a
bridge that is quiet. One finds threats. docs/help-lines.md and docs/benchmarks/threats.md have the rates.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import TextContent
from safelight.policy.findings import OperatingPoint, TextSpan

from .acts import MAX_E5_WINDOWS, ActReader
from .attribution import Place
from .distress import Judgement, LinearModel, grams_of, linear_models, model_of
from .languages import LanguagePart
from .minilm.graph import WIDTH
from .normalise import final_views

Array: TypeAlias = npt.NDArray[np.float32]

#: The names of the files with weights.
DISTRESS, THREATS = "distress-meaning.npz", "threats.npz"
#: The log-odds on n-grams count this much beside those on embeddings.
GRAM_WEIGHT = 0.3


@dataclass(frozen=True, kw_only=True)
class MeaningClassifier:
    """A linear classifier on embeddings, and one on n-grams for each language."""

    weights: Array
    bias: float
    models: Mapping[str, LinearModel]
    #: The lowest log-odds that are reported.
    threshold: float
    points: tuple[OperatingPoint, ...]
    sha256: str

    def gram_odds(self, text: str) -> float:
        """Log-odds by the n-grams of a folded text."""
        return self.models[model_of(text)].log_odds(grams_of(text)[0])

    def log_odds(self, inputs: Array, gram_odds: Array) -> Array:
        """Log-odds of each row of the reader of acts."""
        return embeddings(inputs, len(self.weights)) @ self.weights + self.bias + GRAM_WEIGHT * gram_odds


class MeaningReader:
    """Judges the English and the Chinese part of a text, as a whole and sentence by sentence."""

    def __init__(self, classifier: MeaningClassifier, reader: ActReader) -> None:
        assert reader.e5 is not None
        self._classifier = classifier
        self._reader = reader
        self.version = f"{classifier.sha256[:8]}.{reader.minilm.version}.{reader.e5.sha256[:8]}"

    def judge(self, content: TextContent) -> Judgement | None:
        """The strongest place of a text; None if it has no part that can be judged."""
        found: list[Judgement] = []
        for view in final_views(content.views):
            original = view.text if view.is_guess else content.text
            for part in self._reader.minilm.splitter.split(view.text, original):
                point = part.point_in(self._classifier.points)
                scored = self._score(part) if point else None
                if point is None or scored is None:
                    continue
                places, odds = scored
                best = int(odds.argmax())
                # A guess may show a meaning. It does not show that the text as written has none.
                if view.is_guess and odds[best] < self._classifier.threshold:
                    continue
                start, end = view.span(*places[best])
                found.append(
                    Judgement(
                        excess=float(odds[best]) - self._classifier.threshold,
                        span=TextSpan(field=content.field, start=start, end=end),
                        point=point,
                    )
                )
        return max(found, key=lambda one: one.excess, default=None)

    def _score(self, part: LanguagePart) -> tuple[tuple[Place, ...], Array] | None:
        """The whole text, then its windows if there are several: their places and log-odds. E5 reads those
        windows of a long text whose n-grams have the highest log-odds.
        """
        rows = self._reader.read(part)
        if rows is None:
            return None
        grams = np.array(
            [self._classifier.gram_odds(part.text[start:end]) for start, end in rows.places], dtype=np.float32
        )
        windows = np.arange(1, len(rows.places))
        if len(windows) > MAX_E5_WINDOWS:
            windows = np.sort(np.argsort(-grams[1:], kind="stable")[:MAX_E5_WINDOWS]) + 1
        read = self._reader.add_e5(part.text, rows, windows.tolist())
        return read.places, self._classifier.log_odds(read.inputs, grams[[0, *windows.tolist()]])


def embeddings(inputs: Array, count: int) -> Array:
    """MiniLM's embedding and the end of E5's, which has the last layers: `count` values of each row of the
    reader of acts.
    """
    return np.concatenate([inputs[:, :WIDTH], inputs[:, WIDTH - count :]], axis=1)


def load_folder(name: str, folder: str | None) -> MeaningClassifier:
    """Load the classifier that `safelight train` wrote into a folder. If there is none, load the shipped
    classifier.
    """
    path = Path(folder) / name if folder else None
    return parse(path.read_bytes()) if path is not None and path.exists() else load(name)


def load(name: str) -> MeaningClassifier:
    """Load the shipped classifier of this name."""
    return parse((files("safelight.detectors.text") / "weights" / name).read_bytes())


def parse(data: bytes) -> MeaningClassifier:
    """The classifier in a file. Raises `ValueError` or `KeyError` for invalid data."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return MeaningClassifier(
            weights=found["weights"].astype(np.float32),
            bias=float(found["bias"]),
            models=linear_models(found),
            threshold=float(found["threshold"]),
            points=msgspec.json.decode(found["points"].tobytes(), type=tuple[OperatingPoint, ...]),
            sha256=hashlib.sha256(data).hexdigest(),
        )
