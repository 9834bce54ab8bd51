"""Signs of a minor, in three scripts and many spellings, combined with a placeholder for the sexual
signal.

The placeholder is an invented word in a list of this test, so that every shipped sign of age is tested.
"""

from __future__ import annotations

import itertools

from safelight.detectors.text.lists import read_list, shipped
from safelight.detectors.text.sexual_minors import SexualMinorsDetector
from support.rows import each_row
from support.texts import content, findings

STAND_IN = """
group: stand-in
entries:
  - {category: sexual, score: 0.9, reason: r, attributes: {strong: true}, terms: [blimword, 布林词]}
"""
DETECTOR = SexualMinorsDetector(entry for text in (*shipped(), STAND_IN) for entry in read_list(text))

WORD = {"en": "blimword", "zh-Hans": "布林词", "zh-Hant": "布林詞"}


def spaced(text: str) -> str:
    return " ".join("".join(letter + "\u200b" for letter in word) for word in text.split(" "))


def wide(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


CONTEXTS = {
    "one sentence": lambda age, word: [content(f"{age}, {word}, golden hour")],
    "far apart": lambda age, word: [content(f"{age} " + "and the sea goes on " * 80 + word)],
    "the other way round": lambda age, word: [content(f"{word}; {age}")],
    "two fields": lambda age, word: [content(age), content(word, "extra_params.style")],
    "capitals": lambda age, word: [content(f"{age.upper()} {word.upper()}")],
    "full width": lambda age, word: [content(wide(f"{age} {word}"))],
    "invisible letters between": lambda age, word: [content(spaced(f"{age} {word}"))],
}


@each_row
def test_every_sign_of_a_minor_combines_with_the_sexual_signal_in_every_context(
    lang: str, age: str, young: bool
) -> None:
    for name, context in CONTEXTS.items():
        found = DETECTOR.inspect_together(context(age, WORD[lang]))
        assert [finding.category for finding in found] == ["sexual/minors"] * young, name
    # A minor alone, and beside an excluded word.
    assert not findings(DETECTOR, f"{age}, at a birthday party")
    unwanted = content(WORD[lang], "negative_prompt", negated=True)
    assert not list(DETECTOR.inspect_together([content(age), unwanted]))


def test_the_signals_may_be_in_two_languages() -> None:
    for young, word in itertools.product(("a child", "一个孩子", "一個孩子"), WORD.values()):
        together = [content(young), content(word, "style")]
        assert [finding.category for finding in DETECTOR.inspect_together(together)] == ["sexual/minors"]
