"""The learned reading of request, picture and sound: fitted, and measured on writers it never saw.

    python -m bench.together_train figures     each writer by a classifier trained on the others
    python -m bench.together_train write       trains on all and writes text/weights/cross_modal.npz
    python -m bench.together_train check       trains again and compares the result with the file

Needs SciPy and the MiniLM weights. Ridge regression in the space that the writers' rows span, over the rows
and over more that are made of them: harmless mixtures (the words of one clip behind the scene of another, or
of a harmless prompt), harmful ones (two of one category, which are harmful more often than not) and plainly
harmful prompts as lines behind harmless scenes.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from bench.joined_clips import Row, SaidLine, Shown, read
from safelight.detectors.text import cross_modal_classifier, ngrams
from safelight.detectors.text.chinese import is_mostly_chinese
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder
from safelight.policy.findings import Category
from safelight.screening.cross_modal_classifier import text_variants
from safelight.screening.text_parts import TextPart, parts_of
from safelight_lab.training import training_data

ROWS = Path(__file__).with_name("together")
FILE = Path(__file__).parents[1] / "src/safelight/detectors/text/weights/cross_modal.npz"
WRITERS = ("a", "b", "c")
#: How stiff the fit is, and what rows count beside the writers': ours, mixtures, pairs, plain lines.
STIFF, OWN, MIXED, PAIRED, PLAIN = 0.2, 0.3, 0.2, 0.3, 0.1
MIXTURES, PAIRS, LINES = 700, 200, {False: 500, True: 250}
#: Operating points, English and Chinese: where no twin of a writer left out was held for it that was not held
#: before, and one or two in a hundred of harmless prompts, half of which sound harmful, with their words.
POINTS = (0.34, 0.15)
#: What the writers call a category, and the category.
CATEGORIES = {
    "deception": Category.DECEPTION,
    "likeness": Category.DECEPTION_SPEECH,
    "hate": Category.HATE,
    "harassment": Category.HARASSMENT,
    "illicit": Category.ILLICIT,
    "violence": Category.VIOLENCE,
    "self-harm": Category.SELF_HARM,
    "extremism": Category.EXTREMISM,
}
COLUMNS = (cross_modal_classifier.ANY, *CATEGORIES.values())
Exact: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Set:
    """Rows as the head reads them."""

    rows: tuple[Row, ...]
    chinese: npt.NDArray[np.bool_]
    embedded: npt.NDArray[np.float32]
    grams: Any

    def of(self, keep: npt.NDArray[np.bool_]) -> Set:
        places = np.flatnonzero(keep)
        return Set(
            rows=tuple(self.rows[place] for place in places.tolist()),
            chinese=self.chinese[places],
            embedded=self.embedded[places],
            grams=self.grams[places],
        )

    @property
    def harmful(self) -> npt.NDArray[np.bool_]:
        return np.array([row.harmful for row in self.rows])


class Reader:
    """Reads rows; every text is embedded once."""

    def __init__(self, meaning: Embedder) -> None:
        self._meaning = meaning
        self._known: dict[str, npt.NDArray[np.float32] | None] = {}

    def __call__(self, rows: Iterable[Row]) -> Set:
        taken = tuple(rows)
        told = [[normalize_text(text) for text in text_variants(parts(row))] for row in taken]
        chinese = np.array([is_mostly_chinese(one[0]) for one in told])
        embedded = np.zeros((len(taken), 384), dtype=np.float32)
        for number, one in enumerate(told):
            found = None if chinese[number] else cross_modal_classifier.mean_embedding(one, self._of)
            if found is not None:
                embedded[number] = found
        return Set(
            rows=taken, chinese=chinese, embedded=embedded, grams=gram_matrix([one[0] for one in told])
        )

    def _of(self, text: str) -> npt.NDArray[np.float32] | None:
        if text not in self._known:
            self._known[text] = self._meaning(text)
        return self._known[text]


def parts(row: Row) -> tuple[TextPart, ...]:
    """The row as the output stage would have it."""
    return parts_of({"prompt": row.prompt} if row.prompt else {}, row.read, row.heard)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Rows of one writer, and those made of them."""

    rows: Set
    mixed: Set
    paired: Set


def gram_matrix(texts: Sequence[str]) -> Any:
    """The n-grams of folded texts as rows of a sparse matrix. Only the beginning of a long text is used."""
    sparse = importlib.import_module("scipy.sparse")

    if not texts:
        return sparse.csr_matrix((0, ngrams.SIZE))
    indices, values, pointers = [], [], [0]
    for text in texts:
        buckets, weights = ngrams.features(text[: 4 * ngrams.WINDOW_CHARS])
        indices.append(buckets)
        values.append(weights)
        pointers.append(pointers[-1] + len(buckets))
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float64), np.concatenate(indices), pointers),
        shape=(len(texts), ngrams.SIZE),
    )


def quantize(rows: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Quantize embeddings to integers from -127 to 127."""
    highest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.round(rows / highest * 127), dtype=np.int8)


def prompts(*, harmful: bool, part: training_data.Split) -> dict[bool, list[str]]:
    """Committed prompts by script."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for one in training_data.load_committed():
        if (
            one.split is part
            and bool(one.categories - training_data.FACTS) is harmful
            and (harmful or not one.categories)
        ):
            found[one.chinese].append(one.text)
    return found


def mixtures(rows: Sequence[Row], scenes: dict[bool, list[str]], name: str) -> list[Row]:
    """Harmless: words behind a scene they were not written for."""
    rng = random.Random(f"mixtures {name}")
    by = {script: [row for row in rows if row.lang.startswith("zh") is script] for script in (False, True)}
    made: list[Row] = []
    while len(made) < MIXTURES:
        script, kind = rng.random() < 0.35, rng.random()
        one, other = rng.sample(by[script], 2)
        scene = rng.choice(scenes[script])
        if kind < 0.45:
            row = msgspec.structs.replace(one, prompt=scene)
        elif kind < 0.7:
            row = msgspec.structs.replace(one, prompt=other.prompt)
        elif kind < 0.9:
            row = msgspec.structs.replace(one, prompt=scene, speech=other.speech)
        else:
            row = msgspec.structs.replace(one, screen=(), speech=())
        if row.prompt and not (0.45 <= kind < 0.9 and one.category == other.category):
            made.append(msgspec.structs.replace(row, label="benign"))
    return made


def pairs(rows: Sequence[Row], name: str) -> list[Row]:
    """Harmful more often than not: the scene of one and the words of another of one category."""
    rng = random.Random(f"pairs {name}")
    harmful = [row for row in rows if row.harmful and row.prompt]
    made: list[Row] = []
    while len(made) < PAIRS:
        one, other = rng.sample(harmful, 2)
        if one.category == other.category and one.lang[:2] == other.lang[:2]:
            made.append(msgspec.structs.replace(other, prompt=one.prompt))
    return made


def lines(harmful: dict[bool, list[str]], scenes: dict[bool, list[str]]) -> list[Row]:
    """The shorter half of plainly harmful prompts as words behind harmless scenes: no scene covers them."""
    rng = random.Random("lines")
    made = []
    for script, texts in harmful.items():
        shorter = sorted(texts, key=lambda text: (len(text), text))[: len(texts) // 2]
        for text in rng.sample(shorter, min(LINES[script], len(shorter))):
            heard = rng.random() < 0.6
            made.append(
                Row(
                    id="line",
                    label="harmful",
                    lang="zh" if script else "en",
                    prompt=rng.choice(scenes[script]),
                    screen=() if heard else (Shown(text=text, start_s=1, end_s=7),),
                    speech=(SaidLine(text=text, start_s=1),) if heard else (),
                )
            )
    return made


def kernel(one: Set, other: Set) -> Exact:
    """How alike rows are; English and Chinese are strangers but for a constant."""
    english = np.outer(~one.chinese, ~other.chinese).astype(np.float64)
    chinese = np.outer(one.chinese, other.chinese).astype(np.float64)
    near = cross_modal_classifier.similarity_weight(one.embedded.astype(np.float64) @ other.embedded.T)
    alike = np.asarray((one.grams @ other.grams.T).todense())
    total = english * (near + alike) + chinese * alike + 0.1 * (english + chinese) + 0.1
    return np.asarray(total, dtype=np.float64)


def targets(rows: Sequence[Row], columns: Sequence[str]) -> Exact:
    """1 where a row is harmful, and of the category, and -1 elsewhere; 0 where its category is not told."""
    found = np.full((len(rows), len(columns)), -1.0)
    for number, row in enumerate(rows):
        if row.harmful:
            category = CATEGORIES.get(row.category)
            found[number] = [
                1.0 if name in (cross_modal_classifier.ANY, category) else -1.0 if category else 0.0
                for name in columns
            ]
    return found


def fitted(made: Sequence[Made], own: Set, plain: Set) -> tuple[Set, Exact]:
    """The rows that weights stand for, and the weights, a column for each of `COLUMNS`."""
    # Of ours the English rows alone: for Chinese they told nothing that another writer's rows bore out.
    base = joined([*(one.rows for one in made), own.of(~own.chinese)])
    sets = [(one.rows, 1.0) for one in made]
    sets += [(one.mixed, MIXED) for one in made] + [(one.paired, PAIRED) for one in made]
    sets += [(own, OWN), (plain, PLAIN)]
    inner = kernel(base, base)
    left, right = STIFF * inner + 1e-6 * np.eye(len(base.rows)), np.zeros((len(base.rows), len(COLUMNS)))
    for one, weight in sets:
        across = kernel(one, base)
        left += weight * (across.T @ across)
        right += weight * (across.T @ targets(one.rows, COLUMNS))
    return base, np.asarray(np.linalg.solve(left, right), dtype=np.float64)


def joined(sets: Sequence[Set]) -> Set:
    stack = importlib.import_module("scipy.sparse").vstack
    return Set(
        rows=tuple(row for one in sets for row in one.rows),
        chinese=np.concatenate([one.chinese for one in sets]),
        embedded=np.concatenate([one.embedded for one in sets]),
        grams=stack([one.grams for one in sets]).tocsr(),
    )


def arrays(base: Set, weights: Exact) -> dict[str, npt.NDArray[Any]]:
    """What `joint.dump` writes."""
    scripts = [base.chinese == script for script in (False, True)]
    grams = np.stack([np.asarray((base.grams[keep].T @ weights[keep]).T) for keep in scripts])
    scale = np.maximum(np.abs(grams).max(axis=2), 1e-9) / 127
    bias = np.stack([0.1 * weights[keep].sum(axis=0) + 0.1 * weights.sum(axis=0) for keep in scripts])
    return {
        "features": np.array(ngrams.FEATURES),
        "columns": np.array([str(name) for name in COLUMNS]),
        "known": quantize(base.embedded[scripts[0]]),
        "pull": weights[scripts[0]].T.astype(np.float16),
        "levels": np.round(grams / scale[:, :, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": bias.astype(np.float32),
        "points": np.array(POINTS, dtype=np.float32),
    }


def figures(made: dict[str, Made], own: Set, plain: Set, aside: Callable[[Made], Set]) -> None:
    """Every writer by a head that saw only the others', and ours in four parts by heads that saw the rest."""
    points = np.array(POINTS)
    told: dict[str, list[Exact]] = {}

    def tell(name: str, seen: Set, head: tuple[Set, Exact]) -> None:
        scores = kernel(seen, head[0]) @ head[1]
        over = scores[:, 0] > points[seen.chinese.astype(int)]
        said = np.array([COLUMNS[1 + place] for place in scores[:, 1:].argmax(axis=1)])
        for script in (False, True):
            for harmful in (True, False):
                keep = (seen.chinese == script) & (seen.harmful == harmful)
                true = np.array([CATEGORIES.get(row.category) for row in seen.rows])
                row = [keep.sum(), (keep & over).sum(), (keep & over & (said == true)).sum()]
                key = f"{name}, {'Chinese' if script else 'English'}, {'harmful' if harmful else 'harmless'}"
                told.setdefault(key, []).append(np.array(row, dtype=np.float64))

    for left_out in made:
        head = fitted([one for name, one in made.items() if name != left_out], own, plain)
        tell("writers", made[left_out].rows, head)
        tell("harmless prompts with their words", aside(made[left_out]), head)
    quarter = np.arange(len(own.rows)) % 4
    for number in range(4):
        tell("ours", own.of(quarter == number), fitted(list(made.values()), own.of(quarter != number), plain))
    for name, rows in told.items():
        n, over, same = np.sum(rows, axis=0).astype(int)
        if n:
            print(f"{name}: {over} of {n} over the point ({over / n:.1%}), category right {same}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("figures", "write", "check"))
    asked = parser.parse_args()
    reader = Reader(_meaning())
    scenes = prompts(harmful=False, part=training_data.Split.FIT)
    made = {}
    for name in WRITERS:
        rows = read(ROWS / f"training-{name}.jsonl")
        made[name] = Made(
            rows=reader(rows), mixed=reader(mixtures(rows, scenes, name)), paired=reader(pairs(rows, name))
        )
    own = reader(read(ROWS / "own.jsonl"))
    plain = reader(lines(prompts(harmful=True, part=training_data.Split.FIT), scenes))
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        if asked.what == "figures":
            kept = prompts(harmful=False, part=training_data.Split.REPORT)
            figures(made, own, plain, lambda one: reader(_aside(one.rows.rows, kept)))
            return 0
        data = cross_modal_classifier.dump(arrays(*fitted(list(made.values()), own, plain)))
    if asked.what == "check":
        same = _alike(cross_modal_classifier.load(data), cross_modal_classifier.load(FILE.read_bytes()))
        print("same" if same else "other")
        return 0 if same else 1
    FILE.write_bytes(data)
    print(f"{FILE}: {len(data):,} bytes")
    return 0


def _aside(rows: Sequence[Row], kept: dict[bool, list[str]]) -> list[Row]:
    """Harmless prompts that nothing was fitted to, each with the words of a harmless clip."""
    rng = random.Random("aside")
    made = []
    for script, texts in kept.items():
        words = [row for row in rows if not row.harmful and row.lang.startswith("zh") is script]
        made += [msgspec.structs.replace(rng.choice(words), prompt=text) for text in texts]
    return made


def _alike(
    one: cross_modal_classifier.CrossModalClassifier, other: cross_modal_classifier.CrossModalClassifier
) -> bool:
    """Whether two heads are one but for the last digit, which differs between kinds of CPU."""
    return one.columns == other.columns and all(
        mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=0.02, atol=0.02)
        for mine, theirs in (
            (one.example_weights, other.example_weights),
            (one.gram_levels * one.gram_scale[:, :, None], other.gram_levels * other.gram_scale[:, :, None]),
            (one.gram_bias, other.gram_bias),
            (
                cross_modal_classifier.unit_rows(one.example_levels),
                cross_modal_classifier.unit_rows(other.example_levels),
            ),
        )
    )


def _meaning() -> Embedder:
    from safelight.detectors.text.classifier_detectors import MiniLmDetector
    from safelight.detectors.text.classifiers import load
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights

    weights = find_weights()
    if weights is None:
        raise SystemExit(NOT_INSTALLED)
    folder = default_folder()
    return MiniLmDetector(load(), Encoder(weights, folder), folder).embed_text


if __name__ == "__main__":
    sys.exit(main())
