from __future__ import annotations

import math

import numpy as np

from safelight_lab.training.meaning_training import MeaningText, choose_threshold, measure_points
from safelight_lab.training.threat_training import THREATS


def text(
    *, positive: bool = False, paired: bool = True, leeway: float = 0.0, language: str = "en"
) -> MeaningText:
    return MeaningText(
        positive=positive,
        paired=paired,
        leeway=leeway,
        fold=0,
        fits=True,
        calibrates=True,
        name="test",
        language=language,
        length="4-8",
        gram_model="en",
        grams=((),),
        inputs=np.zeros((1, 2), dtype=np.float32),
    )


def test_the_threshold_lets_through_the_allowed_share_of_harmless_twins_only() -> None:
    twins = [text() for _ in range(100)]
    others = [text(paired=False), text(positive=True)]
    odds = np.array([*range(100), 500, 500], dtype=np.float32)
    texts = [*twins, *others]
    threshold = choose_threshold(texts, odds, range(len(texts)), 0.02)
    assert sum(float(one) >= threshold for one in odds[:100]) == 2
    assert choose_threshold(texts, odds, range(50), 0.02) < threshold


def test_twins_that_a_rule_finds_use_up_the_share() -> None:
    texts = [text(leeway=math.inf), text(leeway=math.inf), *(text() for _ in range(98))]
    odds = np.arange(100, dtype=np.float32)
    assert choose_threshold(texts, odds, range(100), 0.02) > 99


def test_every_language_and_length_from_four_words_has_an_operating_point() -> None:
    texts = [
        text(paired=False, language=language) for language in ("en", "zh-Hant", "zh-Hans") for _ in range(40)
    ]
    points = measure_points(THREATS, texts, np.zeros(len(texts), dtype=np.float32), 1.0)
    assert len(points) == 12
    assert {point.false_alarm_rate for point in points} == {0.0}
