from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from safelight.detectors.protocol import Abstained
from safelight.detectors.text import classifiers, plugins
from safelight.detectors.text.classifier_detectors import MIN_SCORE, POINT_SCORE, NgramDetector
from safelight.detectors.text.classifiers import NO_FINDING, NONE, VOICES, ClassifierSet
from safelight.detectors.text.languages import LENGTHS, Language
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.word_grams import hash_grams
from safelight.policy.findings import Basis, Depth, TextSpan
from safelight_lab.training import training_data
from support.rows import each_row
from support.texts import findings

SHIPPED = classifiers.load()
DETECTOR = NgramDetector(SHIPPED)
#: One of the examples.
BEATEN = "夜市巷口，兩名男子把一個路人圍起來拿球棒猛打，手持跟拍。"


def test_the_shipped_weights_are_small_and_plugins_coverage_and_card_describe_them() -> None:
    weights = files("safelight.detectors.text") / "weights"
    assert len((weights / "classifiers.npz").read_bytes()) < 6_000_000
    card = (weights / "card.md").read_text("utf-8")
    assert SHIPPED.sha256 in card
    assert all(category in card for category in SHIPPED.model("english").categories)
    assert DETECTOR.capabilities == plugins.NGRAMS.capabilities == plugins.MINILM.capabilities
    assert DETECTOR.learned
    cells = TextPipeline([DETECTOR]).screen({"prompt": BEATEN}).cells
    assert {cell.depth for cell in cells} == {Depth.LEARNED}


@pytest.mark.parametrize("name", VOICES)
def test_every_model_has_a_class_for_harmless_text_and_points_below_certainty(name: str) -> None:
    model = SHIPPED.model(name)
    assert model.classes[0] == NONE
    assert not NO_FINDING & set(model.categories)
    for (language, length), points in SHIPPED.points(name).items():
        assert length in LENGTHS
        assert language in set(Language)
        for category, one in points.items():
            assert category in model.categories
            assert one.threshold >= 0
            assert one.point.score == POINT_SCORE
            assert one.point.voice == VOICES[name]
            assert one.point.low <= one.point.false_alarm_rate <= one.point.high
            assert one.point.false_alarm_rate <= 0.005
            assert one.point.sample >= 500


@pytest.mark.parametrize("name", VOICES)
def test_scores_are_finite_even_without_known_words(name: str) -> None:
    model = SHIPPED.model(name)
    width = model.embedding_weights.shape[0]
    grams = [hash_grams([]), hash_grams([("zzqx", 0, 4)] * 5000)]
    odds = model.log_odds(grams, np.zeros((2, width), dtype=np.float32))
    assert odds.shape == (2, len(model.categories))
    assert np.isfinite(odds).all()


@each_row
def test_text_without_an_operating_point_is_not_judged(text: str) -> None:
    with pytest.raises(Abstained, match=r"\.$"):
        findings(DETECTOR, text)


def test_findings_say_what_they_rest_on() -> None:
    found = findings(
        DETECTOR, "nazis were right, all those filthy people should be gassed and wiped out, kill them all"
    )
    assert found
    for one in found:
        assert one.basis is Basis.LEARNED
        assert one.point is not None
        assert (one.point.voice, one.point.language, one.point.length) == ("english", "en", "9-20")
        assert MIN_SCORE <= one.score < 1


def test_the_evidence_is_in_the_harmful_part_of_a_long_text() -> None:
    text = "清晨平静的湖面，小船慢慢划过。" * 40 + BEATEN * 12
    found = [one for one in findings(DETECTOR, text) if one.score >= MIN_SCORE]
    assert found
    assert all(isinstance(span, TextSpan) and span.start > 300 for span in found[0].evidence)


def test_files_of_other_features_or_other_points_are_refused() -> None:
    operating = classifiers.OperatingPoints(classifiers="0" * 64, chosen_on={}, points={})
    data = (files("safelight.detectors.text") / "weights" / "classifiers.npz").read_bytes()
    with pytest.raises(ValueError, match="other classifiers"):
        ClassifierSet(data, operating)
    empty = classifiers.dump({}, np.zeros(0, dtype=np.uint32), "0" * 64)
    assert classifiers.dump({}, np.zeros(0, dtype=np.uint32), "0" * 64) == empty
    with pytest.raises(KeyError):
        ClassifierSet(empty).model("english")


def test_the_shipped_classifiers_were_trained_on_the_committed_examples() -> None:
    assert SHIPPED.data_sha256 == training_data.hash_committed()
