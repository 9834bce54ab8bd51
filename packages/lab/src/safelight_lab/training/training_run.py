"""One training run: from examples to the files that `classifiers.load` reads."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from safelight.detectors.text.classifiers import VOICES, CategoryPoint, OperatingPoints, VoiceClassifier, dump
from safelight.detectors.text.glosses import Glosses
from safelight.detectors.text.languages import LanguageSplitter
from safelight.detectors.text.minilm.encoder import Encoder
from safelight.detectors.text.readings import EmbeddingReader, Reader, WordReader
from safelight.detectors.text.word_grams import chinese_grams, english_grams, hash_gram

from .calibration import ScoredText, choose_points, count_sources
from .generated_texts import frame_texts, frequent_english, joined_texts, word_texts
from .training import FOLDS, Arrays, TrainingText, VoiceTrainer, fold_of, read_texts, score_texts
from .training_data import Example, Split

#: Joined texts for each fold and language.
JOINED = 1100
#: Most words or characters of a text that becomes part of a joined one.
_MOST_JOINED_CHARS = 240
#: Comments about groups of people are fitted to one Chinese voice only, so that the voices differ in their
#: data.
_ONLY_FOR_WORDS = frozenset({"cold_zh_train"})


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a training run reads texts with."""

    encoder: Encoder
    glosses: Glosses
    #: The categories that word lists find in a text.
    find_listed: Callable[[str], frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class TrainedClassifiers:
    """The result of a run."""

    weights: bytes
    operating: OperatingPoints
    #: By model: how the examples that were kept for the report score, and the number of fitted texts.
    report: dict[str, list[ScoredText]]
    fitted: dict[str, int]
    examples: Sequence[Example]


def with_generated(examples: Sequence[Example], is_allowed: Callable[[str], bool]) -> list[Example]:
    """The examples, with generated harmless texts of each language. `is_allowed` returns False for words that
    are not harmless alone.
    """
    found = list(examples)
    for lang in ("en", "zh"):
        short = frame_texts(lang)
        found += short + word_texts(lang, is_allowed)
        pool = [
            one
            for one in (*examples, *short)
            if not one.categories
            and one.lang[:2] == lang
            and one.kind in ("plain", "generated")
            and " " * (lang == "en") in one.text
            and len(one.text) <= _MOST_JOINED_CHARS
            and not one.source.endswith("/identity")
        ]
        for fold, split in itertools.product(range(FOLDS), Split):
            here = [one for one in pool if fold_of(one) == fold and one.split is split]
            if len(here) > 20:
                count = JOINED if split is Split.FIT else JOINED // FOLDS
                found += joined_texts(here, count, _family_in(fold, split, lang))
    return found


def train(
    examples: Sequence[Example], tools: Tools, data_sha256: str, progress: Callable[[str], None]
) -> TrainedClassifiers:
    """Fit all models, choose their operating points and score the examples that are kept for the report."""
    frequent = np.array(sorted({hash_gram(word) for word in frequent_english()}), dtype=np.uint32)
    splitter = LanguageSplitter(frequent)
    english = [one for one in examples if not one.chinese]
    chinese = [one for one in examples if one.chinese]
    models: dict[str, Arrays] = {}
    points: dict[str, list[CategoryPoint]] = {}
    report: dict[str, list[ScoredText]] = {}
    fitted: dict[str, int] = {}
    sources: dict[str, int] = {}

    def add(name: str, texts: list[TrainingText], context: Sequence[TrainingText] = ()) -> None:
        trainer = VoiceTrainer(texts, context)
        progress(f"{name}: {len(texts)} texts, {len(context)} in another language")
        models[name] = trainer.fit()
        model = VoiceClassifier.from_arrays(models[name])
        unseen = trainer.score_unseen()
        points[name] = choose_points(name, model.categories, unseen)
        report[name] = score_texts(model, [one for one in texts if one.held_out])
        fitted[name] = sum(one.fitted for one in (*texts, *context))
        sources.update({f"{name}: {source}": count for source, count in count_sources(unseen).items()})

    def read(some: Sequence[Example], reader: Reader) -> list[TrainingText]:
        return read_texts(some, reader, splitter, tools.find_listed)

    add("english-words", read(english, WordReader(english_grams)))
    texts = read(english, EmbeddingReader(tools.encoder))
    add("english", texts)
    context = [one for one in texts if one.fitted]
    glossed = [one for one in chinese if one.source not in _ONLY_FOR_WORDS]
    add("zh-glosses", read(glossed, EmbeddingReader(tools.encoder, glosses=tools.glosses)), context)
    add("zh-words", read(chinese, WordReader(chinese_grams)))
    assert models.keys() == VOICES.keys()
    weights = dump(models, frequent, data_sha256)
    return TrainedClassifiers(
        weights=weights,
        operating=OperatingPoints(
            classifiers=hashlib.sha256(weights).hexdigest(), chosen_on=sources, points=points
        ),
        report=report,
        fitted=fitted,
        examples=examples,
    )


def encode_points(operating: OperatingPoints) -> bytes:
    """The content of `operating.json`, with one line for each point."""
    models = [
        f"{json.dumps(name)}: [\n" + ",\n".join(msgspec.json.encode(one).decode() for one in points) + "\n]"
        for name, points in operating.points.items()
    ]
    head = json.dumps({"classifiers": operating.classifiers, "chosen_on": operating.chosen_on}, indent=1)
    return f'{head[:-2]},\n "points": {{\n{",".join(models)}\n}}}}\n'.encode()


def _family_in(fold: int, split: Split, lang: str) -> str:
    """The name of a family that belongs to this fold and this split."""
    for number in itertools.count():
        family = f"joined {fold} {split} {number}"
        made = Example(
            text="",
            categories=frozenset(),
            source=f"joined-{lang}",
            lang=lang,
            family=f"joined-{lang}/{family}",
        )
        if fold_of(made) == fold and made.split is split:
            return family
    raise AssertionError
