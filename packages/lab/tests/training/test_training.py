from __future__ import annotations

import numpy as np

from safelight.detectors.text.classifiers import NONE, VoiceClassifier
from safelight.detectors.text.languages import LanguageSplitter
from safelight.detectors.text.readings import WordReader
from safelight.detectors.text.word_grams import english_grams, hash_gram
from safelight_lab.training.training import VoiceTrainer, classes_of, fold_of, read_texts
from safelight_lab.training.training_data import Example
from support.rows import each_row

WORDS = ("a", "all", "attack", "dog", "hate", "love", "people", "the", "them", "walk", "we")
SPLITTER = LanguageSplitter(np.array(sorted(map(hash_gram, WORDS)), dtype=np.uint32))


def example(text: str, *categories: str, family: str = "", source: str = "own") -> Example:
    return Example(
        text=text, categories=frozenset(categories), source=source, lang="en", family=family or text
    )


EXAMPLES = [
    *(example(f"we hate all the people {number} attack them", "hate") for number in range(60)),
    *(example(f"we love all the people {number} walk the dog", source="own") for number in range(60)),
]


def trainer() -> VoiceTrainer:
    return VoiceTrainer(read_texts(EXAMPLES, WordReader(english_grams), SPLITTER, lambda _text: frozenset()))


def test_the_same_examples_give_the_same_model_which_finds_them() -> None:
    first, again = trainer().fit(), trainer().fit()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    model = VoiceClassifier.from_arrays(first)
    assert model.classes == (NONE, "hate")
    reading = WordReader(english_grams)
    harmful, harmless = (
        float(model.log_odds(read.grams, read.embeddings).max())
        for read in (reading("we hate all the people, attack them"), reading("we love the dog"))
        if read is not None
    )
    assert harmful > 0 > harmless


def test_each_text_is_scored_by_a_model_without_its_fold() -> None:
    scored = trainer().score_unseen()
    assert 0 < len(scored) < len(EXAMPLES)
    assert len({one.example.text for one in scored}) == len(scored)


@each_row
def test_an_example_is_trained_as_its_most_specific_classes(
    categories: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert classes_of(example("x", *categories)) == expected


def test_a_family_is_in_one_fold_and_a_source_of_captions_too() -> None:
    assert fold_of(example("one", family="f")) == fold_of(example("two", family="f"))
    assert len({fold_of(example(str(n), source="coco_captions")) for n in range(20)}) == 1
