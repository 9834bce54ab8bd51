from __future__ import annotations

from safelight.detectors.text import classifiers
from safelight.detectors.text.languages import LENGTHS, Language, LanguageSplitter, length_of
from safelight.detectors.text.normalise import normalize_text
from support.rows import each_row

SPLITTER = LanguageSplitter(classifiers.load().frequent_english)


def parts(text: str) -> list[tuple[Language, str]]:
    return [(one.language, one.length) for one in SPLITTER.split(normalize_text(text), text)]


@each_row
def test_english_and_both_chinese_scripts_are_told_with_their_length(
    text: str, expected: list[tuple[Language, str]]
) -> None:
    assert parts(text) == expected


@each_row
def test_other_languages_and_texts_without_words_are_not_judged(text: str) -> None:
    assert parts(text) == []


def test_a_text_in_two_languages_has_two_parts_at_their_places() -> None:
    text = "a cat sleeps on the sofa. 一只猫在窗台上睡觉"
    english, chinese = sorted(SPLITTER.split(text, text), key=lambda one: one.language)
    assert english.text.rstrip() == "a cat sleeps on the sofa."
    assert chinese.text.index("一只猫") == text.index("一只猫")


def test_a_borrowed_word_is_no_part_of_its_own() -> None:
    assert parts("我的猫喜欢 vlog 和阳光") == [(Language.SIMPLIFIED, "4-8")]
    assert parts("a lantern festival sign that says 福") == [(Language.ENGLISH, "4-8")]


def test_each_number_of_words_is_in_one_bucket() -> None:
    assert [length_of(count) for count in (1, 3, 4, 8, 9, 20, 21, 60, 61, 10_000)] == [
        name for name in LENGTHS for _end in range(2)
    ]
