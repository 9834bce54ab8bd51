from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from safelight.detectors.protocol import TextContent
from safelight.detectors.text import classifiers, ngrams, plugins, training, training_data
from safelight.detectors.text.classifier_detectors import NgramDetector, gram_probabilities
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Finding, TextSpan

SHIPPED = classifiers.load()
DETECTOR = NgramDetector(SHIPPED)
#: One of the examples.
BEATEN = "夜市巷口，兩名男子把一個路人圍起來拿球棒猛打，手持跟拍。"


def inspect(text: str) -> list[Finding]:
    return list(DETECTOR.inspect_text(TextContent(field="prompt", text=text, views=views(text))))


def test_the_plugins_declare_the_categories_of_the_classifiers() -> None:
    assert DETECTOR.capabilities == plugins.NGRAMS.capabilities == plugins.MINILM.capabilities


def test_the_shipped_weights_are_small() -> None:
    assert SHIPPED.gram_levels.nbytes < 2_000_000
    assert SHIPPED.gram_levels.shape == (len(classifiers.Mode), len(SHIPPED.categories) + 1, 2**15)
    assert len(SHIPPED.example_levels) == len(SHIPPED.example_weights) < 10_000


def test_every_score_is_a_probability_even_without_words() -> None:
    for text in ("", "…", "a cat", "死", "x" * 5000):
        scores = gram_probabilities(SHIPPED, text)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("text", ["人", "人 IN F", "人\nIN\nF", "a b", "7", ""])
def test_single_letters_are_not_classified(text: str) -> None:
    assert inspect(text) == []


def test_spaced_letters_are_classified_as_a_word() -> None:
    assert any(finding.category == "sexual" for finding in inspect("n u d e woman"))


def test_a_harmful_part_of_a_long_harmless_text_is_found_with_its_window() -> None:
    text = "清晨平静的湖面，小船慢慢划过。" * 40 + BEATEN * 12
    found = [finding for finding in inspect(text) if finding.category == "violence"]
    assert found
    assert all(isinstance(span, TextSpan) and span.start > 300 for span in found[0].evidence)


def test_the_same_arrays_give_the_same_bytes_and_other_features_are_refused() -> None:
    arrays = {
        "features": np.array(ngrams.FEATURES),
        "data": np.array("0" * 64),
        "categories": np.array(["hate"]),
        "gram_levels": np.zeros((3, 2, ngrams.SIZE), dtype=np.int8),
        "gram_scale": np.ones((3, 2), dtype=np.float32),
        "gram_bias": np.zeros((3, 2), dtype=np.float32),
        "known": np.ones((1, 384), dtype=np.int8),
        "pull": np.ones((1, 2), dtype=np.float16),
    }
    assert classifiers.dump(arrays) == classifiers.dump(arrays)
    made = classifiers.load(classifiers.dump(arrays))
    assert made.sha256 == classifiers.digest(arrays)
    assert classifiers.digest({**arrays, "pull": np.zeros((1, 2), dtype=np.float16)}) != made.sha256
    with pytest.raises(ValueError, match="another version of the n-gram features"):
        classifiers.load(classifiers.dump({**arrays, "features": np.array(0)}))
    with pytest.raises(KeyError):
        classifiers.dump({"categories": np.array(["hate"])})


def test_operating_points_of_other_classifiers_are_refused() -> None:
    points = {mode.name: dict.fromkeys(SHIPPED.categories, 1.5) for mode in classifiers.Mode}
    moved = classifiers.with_operating_points(
        SHIPPED, {"classifiers": SHIPPED.sha256, "points": points, "slopes": points}
    )
    assert moved.probabilities(moved.points[0], classifiers.Mode.GRAMS) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="other classifiers"):
        classifiers.with_operating_points(
            SHIPPED, {"classifiers": "0" * 64, "points": points, "slopes": points}
        )


def test_the_model_card_names_the_file_it_describes() -> None:
    card = (files("safelight.detectors.text") / "weights" / "card.md").read_text("utf-8")
    assert SHIPPED.sha256 in card
    assert all(category in card for category in SHIPPED.categories)


def test_the_shipped_classifiers_were_trained_on_the_committed_examples() -> None:
    assert SHIPPED.data_sha256 == training_data.hash_committed()
    assert SHIPPED.categories == training.trainable_categories(
        training.fit_examples(training_data.load_committed())
    )


@pytest.mark.timeout(600)
def test_training_on_the_committed_examples_reproduces_the_shipped_classifiers() -> None:
    again = training.refit(
        training_data.load_committed(), SHIPPED.example_levels, training_data.hash_committed()
    )
    assert again.sha256 == SHIPPED.sha256
