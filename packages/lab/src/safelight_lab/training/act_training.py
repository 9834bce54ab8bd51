"""Trains the reader of acts on pairs of an act and a harmless twin, and on harmless captions and prompts.

To choose operating points, the texts of two folds are scored by networks that were fitted without them: pairs
stay together, and each source of short captions is in one fold.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.text.acts import (
    BOTH,
    EUROPEAN,
    MINILM,
    NO_FINDING,
    OPINIONS,
    POINT_SCORE,
    ActNetwork,
    ActReader,
    ActRows,
    ActThresholds,
    Array,
    TopLayers,
    Window,
    harm_odds,
)
from safelight.detectors.text.european import european_part
from safelight.detectors.text.languages import LENGTHS, Language, LanguagePart
from safelight.detectors.text.minilm.graph import WIDTH, quantize_rows
from safelight.detectors.text.normalise import normalize_text
from safelight.policy.findings import OperatingPoint
from safelight.policy.statistics import wilson

from .generated_texts import frame_texts
from .training import FOLDS, fold_of
from .training_data import Example, parse_examples

#: The classes, and the file of `bench/acts/fit` with their pairs.
CLASSES = {
    "none": "",
    "self-harm/act": "self-harm",
    "violence/assault": "assault",
    "violence/mass-attack": "mass-attack",
    "violence/torture": "torture",
    "cruelty/animals": "animals",
    "hate/dehumanisation": "dehumanisation",
    "deception/impersonation": "impersonation",
    "deception/scam": "scam",
    "sexual/real-person": "real-person",
    "sexual": "sexual",
    "deception": "deception",
    "illicit": "method",
    "distress": "distress",
}
#: Sources of harmless captions of videos and pictures.
CAPTIONS = frozenset({"coco_captions", "vbench", "vbench_long", "vbench_zh"})
#: Of these, the only ones of several sentences. They are spread over the folds.
LONG_CAPTIONS = frozenset({"vbench_long"})
#: Files of harmless prompts in `bench/prompts` that serve to choose operating points.
PROMPTS = frozenset({"innocent", "named", "parallel", "recovery", "zh-pairs"})
#: Largest share of plain texts, and of harmless twins of each class, that may reach an operating point.
#: Of classes that stopped too many harmless texts of the test sets, the share is lower
#: (docs/benchmarks/acts.md).
PLAIN_BUDGET = 0.001
TWIN_BUDGETS = {
    MINILM: dict.fromkeys(CLASSES, 0.05)
    | {
        "cruelty/animals": 0.08,
        "deception/scam": 0.03,
        "hate/dehumanisation": 0.02,
        "illicit": 0.005,
        "sexual/real-person": 0.02,
        "violence/torture": 0.02,
    },
    BOTH: dict.fromkeys(CLASSES, 0.05)
    | {
        "deception/scam": 0.015,
        "hate/dehumanisation": 0.02,
        "illicit": 0.0075,
        "self-harm/act": 0.03,
        "sexual/real-person": 0.01,
        "violence/assault": 0.035,
        "violence/mass-attack": 0.03,
        "violence/torture": 0.015,
    },
}
#: The same shares in European languages, where one operating point is that of all classes: each has too few
#: pairs for one of its own. Up to a third of the plain texts there were written with grave words.
EUROPEAN_PLAIN_BUDGET, EUROPEAN_TWIN_BUDGET = 0.003, 0.03
#: The same for the stricter point.
STRICT_PLAIN_BUDGET, STRICT_TWIN_BUDGETS = 0.0003, dict.fromkeys(CLASSES, 0.02)
#: Kinds of committed prompts that were not written to be close to harm. Those of the others, and those with
#: a harmful one in their family, are no plain texts.
PLAIN_KINDS = frozenset({"plain", "generated", "short", "paragraph"})
#: Per cent of the families of committed harmless prompts that are fitted, of at most this length; number of
#: generated texts in each language.
FITTED_PROMPTS, MAX_CHARS, GENERATED = 22, 600, 700
#: The least log-odds between the points. They give scores their slope, and with it the share of acts below
#: the score at which the advice is sure that a text is harmless (docs/benchmarks/advice.md).
MIN_DISTANCES = {MINILM: 0.42, BOTH: 0.85}
#: The range of thresholds, and most alarms of one class on plain texts.
MIN_ODDS, MAX_ODDS, MAX_ALARMS = -2.0, 9.0, 6
#: No point for a language and length with fewer harmless texts.
MIN_TEXTS = 30
#: Weights in the loss of a harmless text without an act beside it, and of a window; a text of a pair has the
#: weight 1.
PLAIN_WEIGHT, WINDOW_WEIGHT = 2.0, 0.4
#: Networks that are averaged, their hidden values, and how they are fitted.
NETWORKS, HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROPPED = 3, 256, 25, 256, 2e-3, 1e-4, 0.5
#: The folds whose texts choose the operating points. They have captions in English and in Chinese.
HELD_OUT = (0, 2)
#: Length to which embeddings are scaled, and the divisor of the opinions of MiniLM's classifier.
_LENGTH, _OPINION_DIVISOR = 3.0, 3.0


#: Fits E5's top layers to texts: the arguments of `TopLayers`.
Tune: TypeAlias = Callable[[Sequence["ActText"]], Mapping[str, Any]]


class Kind(StrEnum):
    """What a harmless text is compared with."""

    #: Written beside a harmful text, or like one.
    PAIR = "pair"
    #: A caption of a video or a picture, or a prompt of a user.
    PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class ActText:
    """A text with its class, as the networks read it."""

    name: str
    #: The class from which a harmless twin is to be distinguished; the class itself for an act.
    beside: str
    kind: Kind
    fold: int
    language: str
    length: str
    #: The same for an act and its twin.
    pair: str
    #: One row for the whole text, and one for each window if there are several. MiniLM's columns come first.
    #: In a European language there are no columns.
    inputs: Array
    #: For each row, the tokens of its windows, which E5's top layers read.
    tokens: tuple[tuple[Window, ...], ...]


def read_pairs(folder: Path) -> list[tuple[Example, str, str]]:
    """The rows of `CLASS.jsonl` files: each with its class, and the class of the file that it is in."""
    names = {stem: name for name, stem in CLASSES.items() if stem}
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row: dict[str, Any] = json.loads(line)
            beside = names.get(row.get("act") or path.stem, "none")
            example = Example(
                text=row["text"],
                categories=frozenset(),
                source=f"acts/{path.stem}",
                lang=row["lang"],
                family=row.get("pair") or row["id"],
                kind=row.get("kind", Kind.PAIR),
            )
            found.append((example, "none" if row["label"] == "safe" else beside, beside))
    return found


def read_plain(folder: Path) -> list[Example]:
    """The captions and prompts in a folder. Its other files are not read."""
    paths = [one for one in sorted(folder.glob("*.jsonl")) if one.stem in CAPTIONS | PROMPTS]
    return parse_examples([(one.name, one.read_text(encoding="utf-8")) for one in paths])


def harmless_texts(committed: Sequence[Example], extra: Sequence[Example]) -> list[tuple[Example, Kind]]:
    """The harmless texts beside the pairs: captions and prompts of `extra`, and some of the committed and the
    generated ones.
    """
    harmful = {one.family for one in (*committed, *extra) if one.categories}
    found = [one for one in extra if not one.categories and one.source in CAPTIONS | PROMPTS]
    found += [
        one
        for one in committed
        if not one.categories
        and len(one.text) < MAX_CHARS
        and _percentile(one.family) < FITTED_PROMPTS + 2 * one.chinese
    ]
    for lang in ("en", "zh"):
        generated = frame_texts(lang)
        found += [one for one in generated if _percentile(one.text) < 100 * GENERATED / len(generated)]
    return [
        (one, Kind.PLAIN if one.kind in PLAIN_KINDS and one.family not in harmful else Kind.PAIR)
        for one in found
    ]


def _percentile(text: str) -> int:
    return _number(text) % 100


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)


def read_texts(
    pairs: Sequence[tuple[Example, str, str]],
    harmless: Sequence[tuple[Example, Kind]],
    reader: ActReader,
    progress: Callable[[str], None],
) -> list[ActText]:
    """The texts as the networks and the top layers read them. Texts in other languages are left out."""
    kinds = [Kind.PLAIN if example.kind in PLAIN_KINDS else Kind.PAIR for example, _name, _beside in pairs]
    rows = [(*pair, kind) for pair, kind in zip(pairs, kinds, strict=True)] + [
        (one, "none", "none", kind) for one, kind in harmless
    ]
    found = []
    for number, (example, name, beside, kind) in enumerate(rows):
        if number % 1000 == 0:
            progress(f"acts: {number} of {len(rows)} texts")
        for part, read in _read(example.text, reader):
            # Half the memory; the whole text has the windows of the others.
            halves = {id(one): one.astype(np.float16) for one in read.tokens[0]}
            found.append(
                ActText(
                    name=name,
                    beside=beside,
                    kind=kind,
                    fold=_fold(example),
                    language=part.language,
                    length=part.length,
                    pair=example.family,
                    inputs=read.inputs,
                    tokens=tuple(tuple(halves[id(one)] for one in row) for row in read.tokens),
                )
            )
    return found


def _read(text: str, reader: ActReader) -> Iterator[tuple[LanguagePart, ActRows]]:
    """The first part of a text that can be judged, and what is read of it."""
    parts = reader.minilm.splitter.split(normalize_text(text), text)
    if parts:
        if rows := reader.read(parts[0]):
            yield parts[0], reader.add_e5(parts[0].text, rows, range(1, len(rows.places)))
    elif part := european_part(text):
        yield part, reader.read_european(part)


def _fold(example: Example) -> int:
    if example.source in LONG_CAPTIONS:
        return _number(example.text) % FOLDS
    return fold_of(example)


def fit(texts: Sequence[ActText], classifiers: str, tune: Tune) -> bytes:
    """Train on all texts, and return the file that `acts.load` reads. `classifiers` is the hash of the
    classifiers whose opinions are among the inputs; `tune` fits E5's top layers.
    """
    top = tune(texts)
    unseen_top = TopLayers(**tune([one for one in texts if one.fold not in HELD_OUT]))
    european = [one for one in texts if one.language == Language.EUROPEAN]
    texts = [one for one in texts if one.language != Language.EUROPEAN]
    held_out = [one for one in texts if one.fold in HELD_OUT]
    seen = [one for one in texts if one.fold not in HELD_OUT]
    arrays: dict[str, Any] = {
        "classifiers": np.array(classifiers),
        "classes": np.array(list(CLASSES)),
        "top/graph": np.frombuffer(top["graph"], dtype=np.uint8),
        "top/head": top["head"].astype(np.float16),
        "top/bias": top["bias"],
        **_choose_european([one for one in european if one.fold in HELD_OUT], unseen_top),
    }
    for name, columns, top_layers in (
        (MINILM, WIDTH + len(OPINIONS), None),
        (BOTH, texts[0].inputs.shape[1], unseen_top),
    ):
        unseen = score_unseen(held_out, seen, columns, top_layers)
        thresholds = choose_thresholds(held_out, unseen, PLAIN_BUDGET, TWIN_BUDGETS[name])
        strict = choose_thresholds(held_out, unseen, STRICT_PLAIN_BUDGET, STRICT_TWIN_BUDGETS)
        strict = np.maximum(strict, thresholds + MIN_DISTANCES[name])
        parts = fit_networks(texts, columns)
        arrays |= {f"{name}/{part}": values.astype(np.float16) for part, values in parts.items()}
        # The first layer is most of the file: a byte for each value, one scale for each hidden value.
        first = parts["first"].transpose(0, 2, 1)
        levels, scale = quantize_rows(first.reshape(-1, columns))
        arrays[f"{name}/first"] = levels.reshape(first.shape)
        arrays[f"{name}/first-scale"] = scale.reshape(first.shape[:2])
        arrays |= _points(name, held_out, unseen, thresholds, strict)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _points(
    name: str, texts: Sequence[ActText], unseen: Sequence[UnseenScore], thresholds: Array, strict: Array
) -> dict[str, Any]:
    points = msgspec.json.encode(measure_points(texts, unseen, thresholds))
    return {
        f"{name}/thresholds": thresholds,
        f"{name}/strict": strict,
        f"{name}/points": np.frombuffer(points, dtype=np.uint8),
    }


@dataclass(frozen=True, kw_only=True)
class UnseenScore:
    """The log-odds of harm of a text by networks that have not seen it, and the index of its class."""

    odds: float
    best: int


def score_unseen(
    texts: Sequence[ActText], seen: Sequence[ActText], columns: int, top: TopLayers | None
) -> list[UnseenScore]:
    """The highest score of each text, of the whole text or of one of its windows, by networks that are fitted
    to other texts. `top`: the top layers, if they count too.
    """
    network = _as_network(fit_networks(seen, columns))
    return [
        _highest(*network.log_odds(one.inputs[:, :columns], top.log_shares(one.tokens) if top else None))
        for one in texts
    ]


def _highest(odds: Array, best: npt.NDArray[np.int64]) -> UnseenScore:
    row = int(odds.argmax())
    return UnseenScore(odds=float(odds[row]), best=int(best[row]))


def _choose_european(texts: Sequence[ActText], top: TopLayers) -> dict[str, Any]:
    """The thresholds for texts in European languages, which the top layers judge alone."""
    unseen = [_highest(*harm_odds(np.exp(top.log_shares(one.tokens)), list(CLASSES))) for one in texts]
    threshold = max(
        _next(sorted(odds, reverse=True), int(share * len(odds)))
        for kind, share in ((Kind.PLAIN, EUROPEAN_PLAIN_BUDGET), (Kind.PAIR, EUROPEAN_TWIN_BUDGET))
        for odds in [
            [
                score.odds
                for text, score in zip(texts, unseen, strict=True)
                if text.kind is kind and text.name in NO_FINDING
            ]
        ]
    )
    thresholds = np.full(len(CLASSES), threshold, dtype=np.float32)
    return _points(EUROPEAN, texts, unseen, thresholds, thresholds + MIN_DISTANCES[BOTH])


def choose_thresholds(
    texts: Sequence[ActText], scores: Sequence[UnseenScore], plain: float, twins: Mapping[str, float]
) -> Array:
    """For each class, the log-odds from which a text is one of its acts.

    A budget of twins is a share of the harmless twins of its class. That of plain texts is a share of
    all of them: each alarm is given to the class of which it multiplies the acts found most.
    """
    names = list(CLASSES)
    found = np.full(len(names), MAX_ODDS, dtype=np.float32)
    ladders: dict[int, list[tuple[float, float]]] = {}
    for index, name in enumerate(names):
        if name in NO_FINDING:
            continue
        odds = {
            kind: sorted((score.odds for _text, score in alarms), reverse=True)
            for kind, alarms in _alarms(texts, scores, index).items()
        }
        count = sum(text.beside == name and text.name in NO_FINDING for text in texts)
        lowest = _next(odds[Kind.PAIR], int(twins[name] * count))
        acts = [score.odds for text, score in zip(texts, scores, strict=True) if text.name == name]
        ladders[index] = [
            (threshold, float(np.mean(np.array(acts) >= threshold)))
            for threshold in (max(lowest, _next(odds[Kind.PLAIN], allowed)) for allowed in range(MAX_ALARMS))
        ]
    allowed = dict.fromkeys(ladders, 0)
    for _ in range(int(plain * sum(text.kind is Kind.PLAIN for text in texts))):
        gains = {
            index: ladder[allowed[index] + 1][1] / max(ladder[allowed[index]][1], 0.1)
            for index, ladder in ladders.items()
            if allowed[index] + 1 < MAX_ALARMS
        }
        allowed[max(gains, key=lambda index: gains[index])] += 1
    for index, ladder in ladders.items():
        found[index] = ladder[allowed[index]][0]
    return found


def _alarms(
    texts: Sequence[ActText], scores: Sequence[UnseenScore], index: int
) -> dict[Kind, list[tuple[ActText, UnseenScore]]]:
    """The harmless texts of each kind whose most probable class of harm is this one."""
    return {
        kind: [
            (text, score)
            for text, score in zip(texts, scores, strict=True)
            if text.kind is kind and text.name in NO_FINDING and score.best == index
        ]
        for kind in Kind
    }


def _next(odds: Sequence[float], allowed: int) -> float:
    """The lowest threshold that at most this number of the falling log-odds reach."""
    return max(MIN_ODDS, odds[allowed] + 1e-4) if allowed < len(odds) else MIN_ODDS


def measure_points(
    texts: Sequence[ActText], scores: Sequence[UnseenScore], thresholds: Array
) -> list[OperatingPoint]:
    """The share of harmless texts that reach the operating points, by language and length."""
    found = []
    for language in Language:
        for length in LENGTHS:
            alarms = [
                bool(score.odds >= thresholds[score.best])
                for text, score in zip(texts, scores, strict=True)
                if text.name in NO_FINDING and (text.language, text.length) == (language, length)
            ]
            if len(alarms) < MIN_TEXTS:
                continue
            low, high = wilson(sum(alarms), len(alarms))
            found.append(
                OperatingPoint(
                    voice="acts",
                    language=language,
                    length=length,
                    score=POINT_SCORE,
                    false_alarm_rate=round(sum(alarms) / len(alarms), 5),
                    low=round(low, 5),
                    high=round(high, 5),
                    sample=len(alarms),
                )
            )
    return found


def fit_networks(texts: Sequence[ActText], columns: int) -> dict[str, Array]:
    """The arrays of an `ActNetwork` that is fitted to whole texts, and to the windows of harmless ones. Which
    window of a harmful text is the act is not known.
    """
    harmless = [one for one in texts if one.name in NO_FINDING]
    fitted_texts = [*texts, *(one for one in harmless for _ in one.inputs[1:])]
    whole = np.stack([one.inputs[0, :columns] for one in texts])
    inputs = np.concatenate([whole, *(one.inputs[1:, :columns] for one in harmless)])
    labels = np.zeros((len(inputs), len(CLASSES)), dtype=np.float32)
    labels[np.arange(len(inputs)), [list(CLASSES).index(one.name) for one in fitted_texts]] = 1
    weights = np.full(len(inputs), WINDOW_WEIGHT, dtype=np.float32)
    weights[: len(texts)] = [1.0 if one.beside != "none" else PLAIN_WEIGHT for one in texts]
    centre, factor = _scaling(whole)
    scaled = (inputs - centre) * factor
    fitted = [_fit_network(scaled, labels, weights, seed) for seed in range(NETWORKS)]
    names = ("first", "first-bias", "second", "second-bias")
    stacked = {name: np.stack([one[index] for one in fitted]) for index, name in enumerate(names)}
    return {"centre": centre, "factor": factor, **stacked}


def _scaling(inputs: Array) -> tuple[Array, Array]:
    """What is subtracted from the inputs, and the factor of each column."""
    centre, factor = np.zeros(inputs.shape[1], np.float32), np.zeros(inputs.shape[1], np.float32)
    factor[WIDTH : WIDTH + len(OPINIONS)] = 1 / _OPINION_DIVISOR
    for start in (0, *range(WIDTH + len(OPINIONS), inputs.shape[1], WIDTH)):
        part = slice(start, start + WIDTH)
        centre[part] = inputs[:, part].mean(axis=0)
        spread = np.sqrt(((inputs[:, part] - centre[part]) ** 2).sum(axis=1).mean())
        factor[part] = _LENGTH / max(float(spread), 1e-9)
    return centre, factor


def _fit_network(inputs: Array, labels: Array, weights: Array, seed: int) -> list[Array]:
    """One hidden layer, with dropout, by Adam with a falling rate."""
    random = np.random.default_rng(seed)
    columns, classes = inputs.shape[1], labels.shape[1]
    values: list[Array] = [
        random.normal(0, (2 / columns) ** 0.5, (columns, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        random.normal(0, 0.05, (HIDDEN, classes)).astype(np.float32),
        np.zeros(classes, np.float32),
    ]
    means = [np.zeros_like(one) for one in values]
    squares = [np.zeros_like(one) for one in values]
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = random.permutation(len(inputs))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            kept = (random.random((len(rows), HIDDEN)) > DROPPED).astype(np.float32) / (1 - DROPPED)
            slopes = _slopes(values, inputs[rows], labels[rows], weights[rows], kept)
            for index, slope in enumerate(slopes):
                if values[index].ndim > 1:
                    slope = slope + DECAY * values[index]
                means[index] = 0.9 * means[index] + 0.1 * slope
                squares[index] = 0.999 * squares[index] + 0.001 * slope * slope
                mean = means[index] / (1 - 0.9**step)
                square = squares[index] / (1 - 0.999**step)
                values[index] = (values[index] - rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
    return values


def _slopes(
    values: Sequence[Array], inputs: Array, labels: Array, weights: Array, kept: Array
) -> tuple[Array, Array, Array, Array]:
    """The derivatives of the loss, one per array of `values`."""
    first, first_bias, second, second_bias = values
    before = inputs @ first + first_bias
    hidden = np.maximum(before, 0) * kept
    outputs = hidden @ second + second_bias
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    wrong = (shares - labels) * weights[:, None] / len(inputs)
    back = (wrong @ second.T) * kept * (before > 0)
    return inputs.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)


def _as_network(parts: Mapping[str, Array]) -> ActNetwork:
    none = np.zeros(len(CLASSES), np.float32)
    return ActNetwork(
        classes=tuple(CLASSES),
        centre=parts["centre"],
        factor=parts["factor"],
        first=np.concatenate(list(parts["first"]), axis=1),
        first_bias=parts["first-bias"],
        second=parts["second"],
        second_bias=parts["second-bias"],
        at=ActThresholds(thresholds=none, strict=none, points=()),
    )
