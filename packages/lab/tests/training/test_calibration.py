from __future__ import annotations

import numpy as np
import pytest

from safelight.detectors.text.languages import Language
from safelight_lab.training.calibration import MIN_SAMPLE, ScoredText, choose_points, wilson
from safelight_lab.training.training_data import Example

CATEGORIES = ("hate", "sexual")


def text(
    odds: tuple[float, float], *, harmful: str = "", kind: str = "plain", listed: str = "", lang: str = "en"
) -> ScoredText:
    return ScoredText(
        example=Example(
            text="",
            categories=frozenset({harmful} if harmful else ()),
            source="own",
            lang=lang,
            family="",
            kind=kind,
        ),
        language=Language.ENGLISH if lang == "en" else Language.SIMPLIFIED,
        length="4-8",
        odds=np.array(odds, dtype=np.float32),
        listed=frozenset({listed} if listed else ()),
    )


def harmless(count: int = 1999, **changes: str) -> list[ScoredText]:
    return [text((4 * number / count, -9.0), **changes) for number in range(count)]


HARMFUL = [text((9.0, -9.0), harmful="hate") for _number in range(20)]


def test_the_threshold_keeps_the_budget_and_the_point_says_what_was_measured() -> None:
    listed = text((30.0, -9.0), listed="hate")  # it is no false alarm
    (one,) = choose_points("english", CATEGORIES, [*harmless(), listed, *HARMFUL])
    assert (one.category, one.point.voice, one.point.language, one.point.length) == (
        "hate",
        "english",
        "en",
        "4-8",
    )
    assert one.point.sample == 1999
    assert one.point.false_alarm_rate == pytest.approx(1 / 1999, abs=1e-5)
    assert one.point.low <= one.point.false_alarm_rate <= one.point.high
    assert 3.9 < one.threshold < 4
    low, high = wilson(2, 1000)
    assert 0 < low < 0.002 < high < 0.01


def test_few_harmless_texts_or_none_that_is_harmful_give_no_point() -> None:
    assert choose_points("english", CATEGORIES, [*harmless(MIN_SAMPLE - 1), *HARMFUL]) == []
    assert choose_points("english", CATEGORIES, harmless()) == []


def test_harmless_texts_close_to_harmful_ones_have_their_own_budget() -> None:
    close = [text((8.0, -9.0), kind="hard-negative") for _number in range(200)]
    (one,) = choose_points("english", CATEGORIES, [*harmless(), *close, *HARMFUL])
    assert one.threshold == 8
    assert one.point.sample == 1999


def test_generated_chinese_texts_count_for_both_scripts() -> None:
    generated = harmless(kind="generated", lang="zh")
    texts = [
        *generated,
        *HARMFUL,
        *(text((9.0, -9.0), harmful="hate", lang="zh") for _number in range(20)),
    ]
    chosen = choose_points("zh-words", CATEGORIES, [one for one in texts if one.example.chinese])
    assert {one.point.language for one in chosen} == {"zh-Hans"}
    assert generated[0].is_in(Language.TRADITIONAL)
    assert not generated[0].is_in(Language.ENGLISH)
