"""Signs of a minor, in three scripts and many spellings, combined with a placeholder for the sexual
signal.

The placeholder is an invented word in a list of this test, so that every shipped sign of age is tested.
"""

from __future__ import annotations

import pytest

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.lists import read_list, shipped
from safelight.detectors.text.normalise import views
from safelight.detectors.text.sexual_minors import SexualMinorsDetector
from support.rows import each_row

STAND_IN = """
group: stand-in
entries:
  - {category: sexual, score: 0.9, reason: r, attributes: {strong: true}, terms: [blimword, 布林词]}
"""
DETECTOR = SexualMinorsDetector(entry for text in (*shipped(), STAND_IN) for entry in read_list(text))

YOUNG = {
    "en": [
        "a child",
        "two kids",
        "a toddler",
        "a teen",
        "some teenagers",
        "an adolescent",
        "a schoolgirl",
        "a school boy",
        "a high school student",
        "an eighth grader",
        "a 7th grader",
        "a little girl",
        "a preteen",
        "a 9-year-old",
        "a girl aged 12",
        "a boy, 15 yo",
        "a seventeen-year-old",
        "someone under 18",
        "a juvenile",
        "a girl in her early teens",
        "a 17 year old",
        "he turns 14",
        "a girl at the age of 13",
        "a 16 y/o",
    ],
    "zh-Hans": [
        "一个孩子",
        "小学生",
        "未成年人",
        "十二岁的女孩",
        "一名初中生",
        "14岁少女",
        "小朋友们",
        "未满十八岁的人",
        "幼儿园",
        "十几岁的男孩",
    ],
    "zh-Hant": [
        "一個孩子",
        "國中生",
        "未成年人",
        "十二歲的女孩",
        "高中女生",
        "14歲少年",
        "學童",
        "未滿18歲的人",
        "幼兒園",
        "細路女",
    ],
}
GROWN = {
    "en": [
        "an adult",
        "a woman of 25",
        "a 30-year-old man",
        "a grandmother aged 71",
        "two grown women",
        "a 12-year-old whisky",
        "a baby grand",
        "a couple in their thirties",
        "an 18-year-old house",
        "a student at the university",
        "kid gloves",
        "a professor",
    ],
    "zh-Hans": ["成年女性", "三十岁的男人", "25岁的演员", "海绵宝宝", "大学教授", "一对中年夫妻"],
    "zh-Hant": ["成年女性", "三十歲的男人", "25歲的演員", "海綿寶寶", "大學教授", "一對中年夫妻"],
}
WORD = {"en": "blimword", "zh-Hans": "布林词", "zh-Hant": "布林詞"}


def content(field: str, text: str, *, negated: bool = False) -> TextContent:
    return TextContent(field=field, text=text, views=views(text), negated=negated)


def spaced(text: str) -> str:
    return " ".join("".join(letter + "\u200b" for letter in word) for word in text.split(" "))


def wide(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


CONTEXTS = {
    "one sentence": lambda age, word: [content("prompt", f"{age}, {word}, golden hour")],
    "far apart": lambda age, word: [content("prompt", f"{age} " + "and the sea goes on " * 80 + word)],
    "the other way round": lambda age, word: [content("prompt", f"{word}; {age}")],
    "two fields": lambda age, word: [content("prompt", age), content("extra_params.style", word)],
    "capitals": lambda age, word: [content("prompt", f"{age.upper()} {word.upper()}")],
    "full width": lambda age, word: [content("prompt", wide(f"{age} {word}"))],
    "invisible letters between": lambda age, word: [content("prompt", spaced(f"{age} {word}"))],
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("lang", "age"), [(lang, age) for lang, ages in YOUNG.items() for age in ages])
def test_every_sign_of_a_minor_combines_with_the_sexual_signal(lang: str, age: str, context: str) -> None:
    found = list(DETECTOR.inspect_together(CONTEXTS[context](age, WORD[lang])))
    assert [finding.category for finding in found] == ["sexual/minors"]


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("lang", "age"), [(lang, age) for lang, ages in GROWN.items() for age in ages])
def test_adults_and_old_things_are_not_minors(lang: str, age: str, context: str) -> None:
    assert not list(DETECTOR.inspect_together(CONTEXTS[context](age, WORD[lang])))


@each_row
def test_the_signals_may_be_in_two_languages(young: str, word: str) -> None:
    together = [content("prompt", YOUNG[young][0]), content("style", WORD[word])]
    assert [finding.category for finding in DETECTOR.inspect_together(together)] == ["sexual/minors"]


@each_row
def test_a_minor_alone_and_negated_text_are_not_reported(lang: str, age: str) -> None:
    assert not list(DETECTOR.inspect_text(content("prompt", f"{age}, at a birthday party")))
    unwanted = content("negative_prompt", WORD[lang], negated=True)
    assert not list(DETECTOR.inspect_together([content("prompt", age), unwanted]))
