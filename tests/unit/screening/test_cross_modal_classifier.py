from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight.detectors.text import cross_modal_classifier
from safelight.detectors.text.classifiers import Array
from safelight.detectors.text.cross_modal_classifier import CrossModalClassifier
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import FrameRange, TextSpan, TimeRange
from safelight.screening.cross_modal import screen_joined_text
from safelight.screening.cross_modal_classifier import DETECTOR, SCORE, classify_joined_text, text_variants
from safelight.screening.text_parts import TextPart, parts_of
from support.rows import each_row
from support.texts import said, shown

ROWS = Path(__file__).parents[3] / "bench" / "together"


ENGLISH = parts_of({"prompt": "A quiet street."}, [shown("Closed\ntoday", 0.0)], [said("Come in.", 1.0)])
CHINESE = parts_of({"prompt": "安静的街道。"}, [], [said("请进", 1.0)])


def meaning(_text: str) -> Array:
    row: Array = np.zeros(384, dtype=np.float32)
    row[0] = 1
    return row


@pytest.fixture
def sure() -> CrossModalClassifier:
    """The shipped head, over its point whatever it reads."""
    return replace(cross_modal_classifier.shipped(), points=np.array([-100, -100], dtype=np.float32))


def test_the_bundled_classifier_fits_its_features() -> None:
    head = cross_modal_classifier.shipped()
    assert head.columns[0] == cross_modal_classifier.ANY
    assert head.example_levels.shape == (head.example_weights.shape[1], 384)
    assert (
        head.gram_levels.shape[:2] == head.gram_scale.shape == head.gram_bias.shape == (2, len(head.columns))
    )
    assert np.isfinite(head.scores("a quiet street", meaning(""))).all()


#: From an array in the file to the field that holds it.
FIELDS = {
    "known": "example_levels",
    "pull": "example_weights",
    "levels": "gram_levels",
    "scale": "gram_scale",
    "bias": "gram_bias",
    "points": "points",
}


def test_a_classifier_is_read_as_it_was_written_if_its_features_are_ours() -> None:
    head = cross_modal_classifier.shipped()
    arrays = {name: getattr(head, field) for name, field in FIELDS.items()}

    def reloaded(features: int) -> CrossModalClassifier:
        numbers = {"features": np.array(features), "columns": np.array(list(head.columns))}
        return cross_modal_classifier.load(cross_modal_classifier.dump({**arrays, **numbers}))

    again = reloaded(2)
    assert again.columns == head.columns
    assert all(np.array_equal(getattr(again, field), arrays[name]) for name, field in FIELDS.items())
    with pytest.raises(ValueError, match="another version of the n-gram features"):
        reloaded(1)


def test_text_variants_are_the_whole_and_without_each_source() -> None:
    described, whole, unseen, unheard = text_variants(ENGLISH)
    assert described.startswith("A quiet street. The words in the picture say")
    assert whole == "A quiet street.\nClosed today\nCome in."
    assert unseen == "A quiet street.\nCome in."
    assert unheard == "A quiet street.\nClosed today"


def test_a_finding_names_request_and_clip_and_stays_below_every_operating_point(
    sure: CrossModalClassifier,
) -> None:
    (found,), cells = classify_joined_text(ENGLISH, sure, meaning)
    assert found.score == SCORE < 0.5
    assert found.attributes == {
        "speech": True,
        "source": "cross_modal",
        "cross_modal": True,
        "kind": "classifier",
    }
    assert [type(one) for one in found.evidence] == [TextSpan, FrameRange, TimeRange]
    assert found.category in {cell.category for cell in cells}
    assert all(cell.complete and cell.detectors == (DETECTOR,) for cell in cells)


def test_chinese_is_classified_without_minilm_and_english_is_not(sure: CrossModalClassifier) -> None:
    assert classify_joined_text(CHINESE, sure, None)[0]
    assert classify_joined_text(ENGLISH, sure, None) == ((), ())
    joined = screen_joined_text(CHINESE, TextPipeline([], budget_s=20), (), head=sure)
    assert [one.detector for one in joined.findings] == [DETECTOR]
    assert {cell.detectors for cell in joined.cells} == {(DETECTOR,)}


@each_row
def test_nothing_is_classified_without_a_request_or_without_text(
    parts: tuple[TextPart, ...], sure: CrossModalClassifier
) -> None:
    assert classify_joined_text(parts, sure, meaning) == ((), ())


def test_a_failure_leaves_a_gap_and_no_finding(sure: CrossModalClassifier) -> None:
    def broken(_text: str) -> Array:
        raise RuntimeError("no memory")

    found, cells = classify_joined_text(ENGLISH, sure, broken)
    assert not found
    assert cells
    assert all(not cell.complete and cell.note == "joint failed: RuntimeError: no memory." for cell in cells)


def test_the_bundled_classifier_finds_some_training_examples_and_none_of_their_harmless_twins() -> None:
    """Chinese, which needs no MiniLM: no measurement, but the file fits the code that reads it."""
    head, over = cross_modal_classifier.shipped(), {True: 0, False: 0}
    for line in (ROWS / "training-a.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        if row["lang"].startswith("zh"):
            parts = parts_of(
                {"prompt": row["prompt"]},
                [shown(one["text"], one["start_s"]) for one in row["screen"]],
                [said(one["text"], one["start_s"]) for one in row["speech"]],
            )
            over[row["label"] == "harmful"] += len(classify_joined_text(parts, head, None)[0])
    assert over[True] > 15
    assert over[False] == 0
