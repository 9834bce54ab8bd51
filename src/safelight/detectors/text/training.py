"""How the heads are made: `python -m safelight.detectors.text.training --out heads.npz`.

Needs scikit-learn and the MiniLM weights, which a user does not. Deterministic: same data, same bytes.
The committed examples are enough; `--extra` adds folders of JSONL in the same form.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import heads, ngrams
from .minilm.cache import default_folder
from .minilm.encoder import Encoder
from .minilm.package import installed
from .normalise import folded, plain

Array: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: Fewer committed examples than this make no head; the lists have the category to themselves.
MIN_EXAMPLES = 20
FOLDS = 5
#: How probable one category is in one prompt, as the calibration assumes.
PRIOR = 0.03
#: The same for n-grams alone, which are much surer of themselves on sources they know than on others.
GRAM_PRIOR = 0.003
#: Kept out of fitting, so that the calibration sees harmless prompts of a source nobody learned from.
CALIBRATION_ONLY = frozenset({"coco_captions"})
_STYLES = (
    ("cinematic shot of ", ", 4k"),
    ("", ", photorealistic, shallow depth of field"),
    ("a video of ", ""),
    ("", ", in the style of an old film"),
    ("animated, ", ", soft colours"),
    ("wide angle, ", ", golden hour"),
)
_STYLES_ZH = (("电影感镜头，", "，4k"), ("", "，写实风格"), ("一段视频：", ""), ("动画，", "，柔和的色彩"))


@dataclass(frozen=True, kw_only=True)
class Example:
    text: str
    categories: frozenset[str]
    source: str
    lang: str

    @property
    def fold(self) -> int:
        """Which part it falls into, by its hash: 0 to `FOLDS` - 1, or -1: kept for the test."""
        number = hashlib.sha256(self.text.lower().encode("utf-8", "surrogatepass")).digest()[0]
        return -1 if number < 32 else number % FOLDS


def committed() -> list[Example]:
    """The examples that come with the code."""
    text = (files("safelight.detectors.text") / "data" / "prompts.jsonl").read_text(encoding="utf-8")
    return _read(text.splitlines())


def extra(folder: Path) -> list[Example]:
    """Examples from every JSONL file of a folder."""
    return [
        example
        for path in sorted(folder.glob("*.jsonl"))
        for example in _read(path.read_text(encoding="utf-8").splitlines())
    ]


def _read(lines: Sequence[str]) -> list[Example]:
    rows = [json.loads(line) for line in lines if line.strip()]
    return [
        Example(
            text=row["text"], categories=frozenset(row["categories"]), source=row["source"], lang=row["lang"]
        )
        for row in rows
    ]


def augmented(examples: Sequence[Example]) -> list[Example]:
    """Each example as it is, in another style, and beside a harmless one, so that style says nothing."""
    harmless = {
        lang: [one for one in examples if not one.categories and one.lang == lang] for lang in ("en", "zh")
    }
    made: list[Example] = []
    for number, one in enumerate(examples):
        styles = _STYLES_ZH if one.lang == "zh" else _STYLES
        before, after = styles[number % len(styles)]
        beside = harmless[one.lang]
        texts = [one.text, before + one.text + after]
        if beside:
            comma = "，" if one.lang == "zh" else ". "
            texts.append(one.text + comma + beside[(number * 7 + 3) % len(beside)].text)
            texts.append(beside[(number * 11 + 5) % len(beside)].text + comma + one.text)
        made += [
            Example(text=text, categories=one.categories, source=one.source, lang=one.lang) for text in texts
        ]
    return made


class Trainer:
    """Fits, calibrates and measures. `embed` takes folded texts to rows of 384 numbers."""

    def __init__(self, embed: Callable[[Sequence[str]], Array]) -> None:
        self._embed = embed

    def train(self, own: Sequence[Example], more: Sequence[Example]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays for `heads.dump`, and the figures of the kept-out part for the model card."""
        categories = tuple(
            name
            for name in sorted({name for one in own for name in one.categories})
            if sum(name in one.categories for one in own) >= MIN_EXAMPLES
        )
        fitting = [one for one in more if one.source not in CALIBRATION_ONLY]
        unseen = [one for one in more if one.source in CALIBRATION_ONLY]
        learned = [one for one in own if one.fold >= 0]
        # Scores for the calibration come from models that have not seen the example.
        scored: list[Example] = []
        parts: list[tuple[Array, Array]] = []
        for fold in range(FOLDS):
            left = [one for one in learned if one.fold == fold]
            if not left:
                continue
            arrays = self._fit([one for one in learned if one.fold != fold], fitting, categories)
            chosen = left + unseen[fold::FOLDS]
            scored += chosen
            parts.append(self._scores(arrays, chosen))
        grams, together = (np.concatenate(column) for column in zip(*parts, strict=True))
        arrays = self._fit(learned, fitting, categories)
        labels = _labels(scored, categories)
        english = np.array([one.lang == "en" for one in scored])
        arrays["gram_calibration"] = _calibrated(grams, labels, GRAM_PRIOR)
        arrays["fused_calibration"] = _calibrated(together[english], labels[english], PRIOR)
        return arrays, self._figures(arrays, [one for one in own if one.fold < 0], unseen)

    def _fit(
        self, own: Sequence[Example], fitting: Sequence[Example], categories: tuple[str, ...]
    ) -> dict[str, Any]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.neural_network import MLPClassifier

        examples = augmented(own) + list(fitting)
        grams, labels = _gram_matrix(examples), _labels(examples, categories)
        english = np.array([one.lang == "en" for one in examples])
        embedded = self._embed([one.text for one in examples if one.lang == "en"])
        weights, biases, lines, line_biases = [], [], [], []
        with _one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for column in range(len(categories)):
                line = LogisticRegression(C=20, class_weight="balanced", solver="liblinear", random_state=0)
                line.fit(grams, labels[:, column])
                weights.append(line.coef_[0])
                biases.append(line.intercept_[0])
                line = LogisticRegression(C=10, class_weight="balanced", solver="liblinear", random_state=0)
                line.fit(embedded, labels[english, column])
                lines.append(line.coef_[0])
                line_biases.append(line.intercept_[0])
            network = MLPClassifier((64,), alpha=1e-3, max_iter=40, random_state=0)
            network.fit(embedded, labels[english])
        weight = np.stack(weights).astype(np.float32)
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 127
        return {
            "categories": np.array(categories),
            "gram_levels": np.round(weight / scale[:, None]).astype(np.int8),
            "gram_scale": scale.astype(np.float32),
            "gram_bias": np.array(biases, dtype=np.float32),
            "line": np.stack(lines).astype(np.float16),
            "line_bias": np.array(line_biases, dtype=np.float32),
            "hidden": network.coefs_[0].astype(np.float16),
            "hidden_bias": network.intercepts_[0].astype(np.float32),
            "out": network.coefs_[1].astype(np.float16),
            "out_bias": network.intercepts_[1].astype(np.float32),
            # Until calibrated: a probability is what the score says.
            "gram_calibration": np.array(
                [[1.0] * len(categories), [0.0] * len(categories)], dtype=np.float32
            ),
            "fused_calibration": np.array(
                [[1.0] * len(categories), [0.0] * len(categories)], dtype=np.float32
            ),
        }

    def _scores(self, arrays: dict[str, Any], examples: Sequence[Example]) -> tuple[Array, Array]:
        """Scores, not calibrated, by n-grams and by all together, one row per example."""
        loaded = heads.load(heads.dump(arrays))
        grams = np.stack([loaded.gram_scores(_folded(one.text)) for one in examples])
        embedded = loaded.embedding_scores(self._embed([one.text for one in examples]))
        return grams, heads.fused(grams, embedded)

    def _figures(
        self, arrays: dict[str, Any], kept: Sequence[Example], unseen: Sequence[Example]
    ) -> dict[str, Any]:
        loaded = heads.load(heads.dump(arrays))
        figures: dict[str, Any] = {}
        for name, examples in (("kept out", kept), ("harmless, source not learned from", unseen)):
            if not examples:
                continue
            grams = np.stack([loaded.gram_scores(_folded(one.text)) for one in examples])
            embedded = loaded.embedding_scores(self._embed([one.text for one in examples]))
            english = np.array([one.lang == "en" for one in examples])
            probable = loaded.gram_probabilities(grams)
            probable[english] = loaded.fused_probabilities(grams, embedded)[english]
            for lang in ("en", "zh"):
                for bad in (True, False):
                    rows = np.array([bool(one.categories) is bad and one.lang == lang for one in examples])
                    if rows.any():
                        figures[f"{name}, {lang}, {'unsafe' if bad else 'safe'}"] = {
                            "n": int(rows.sum()),
                            "any category at 0.5 or more": int((probable[rows].max(axis=1) >= 0.5).sum()),
                        }
        return figures


def _folded(text: str) -> str:
    """The first window of a text as the detectors would see it."""
    view = folded(plain(text)).text
    start, end = ngrams.windows(view)[0] if view else (0, 0)
    return view[start:end]


def _labels(examples: Sequence[Example], categories: tuple[str, ...]) -> Mask:
    return np.array([[name in one.categories for name in categories] for one in examples], dtype=np.bool_)


def _one_thread() -> Any:
    """Sums in several threads come out different each time."""
    return importlib.import_module("threadpoolctl").threadpool_limits(1)


def _gram_matrix(examples: Sequence[Example]) -> Any:
    sparse = importlib.import_module("scipy.sparse")

    indices, values, pointers = [], [], [0]
    for one in examples:
        where, what = ngrams.features(_folded(one.text))
        indices.append(where)
        values.append(what)
        pointers.append(pointers[-1] + len(where))
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float64), np.concatenate(indices), pointers),
        shape=(len(examples), ngrams.SIZE),
    )


def _calibrated(scores: Array, labels: Mask, prior: float) -> Array:
    """Platt's slope and offset per category, with the examples weighed to the prior."""
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((2, labels.shape[1]), dtype=np.float32)
    for column in range(labels.shape[1]):
        truth = labels[:, column]
        weight = np.where(truth, prior / max(truth.sum(), 1), (1 - prior) / max((~truth).sum(), 1))
        line = LogisticRegression(C=1e3)
        line.fit(scores[:, [column]], truth, sample_weight=weight * len(truth))
        found[0, column] = max(float(line.coef_[0, 0]), 0.05)
        found[1, column] = float(line.intercept_[0])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the heads, and print the figures for the model card as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--extra", type=Path, action="append", default=[])
    parser.add_argument("--cache", type=Path, default=default_folder())
    given = parser.parse_args(arguments)
    weights = installed()
    if weights is None:
        sys.stderr.write("training needs the MiniLM weights: safelight models pull minilm\n")
        return 2
    encoder = Encoder(weights, given.cache)
    known: dict[str, Array] = {}

    def embed(texts: Sequence[str]) -> Array:
        for text in texts:
            if text not in known:
                windows = encoder.windows(folded(plain(text)).text)[:1]
                known[text] = encoder.embed(windows)[0] if windows else np.zeros(384, dtype=np.float32)
        return np.stack([known[text] for text in texts])

    more = [example for folder in given.extra for example in extra(folder)]
    arrays, figures = Trainer(embed).train(committed(), more)
    data = heads.dump(arrays)
    given.out.write_bytes(data)
    sources: dict[str, int] = {}
    for one in [*committed(), *more]:
        sources[one.source] = sources.get(one.source, 0) + 1
    summary = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "categories": arrays["categories"].tolist(),
        "sources": sources,
        "figures": figures,
    }
    sys.stdout.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
