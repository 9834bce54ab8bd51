from __future__ import annotations

from pathlib import Path

import pytest

from safelight.detectors.text.glosses import Glosses


@pytest.fixture(scope="module")
def glosses(tmp_path_factory: pytest.TempPathFactory) -> Glosses:
    return Glosses.load(tmp_path_factory.mktemp("cache"))


def test_words_are_replaced_by_their_first_definition(glosses: Glosses) -> None:
    assert glosses.gloss("我的女儿").text == "I daughter"
    assert "mutilate oneself" in glosses.gloss("自残的教学").text


def test_sentences_stay_apart_and_each_word_keeps_its_place(glosses: Glosses) -> None:
    text = "猫在睡觉。狗在跑。"
    gloss = glosses.gloss(text)
    assert gloss.text.count(" . ") == 1
    read = {gloss.text[a:b]: text[c:d] for (a, b), (c, d) in gloss.words}
    assert read["cat"] == "猫"
    assert read["dog"] == "狗"


def test_text_without_chinese_has_no_gloss(glosses: Glosses) -> None:
    assert glosses.gloss("a cat 123").text == ""


def test_the_dictionary_is_read_from_the_cache_the_second_time(tmp_path: Path) -> None:
    first = Glosses.load(tmp_path)
    (stored,) = tmp_path.iterdir()
    assert stored.suffix == ".txt"
    assert Glosses.load(tmp_path).gloss("苹果").text == first.gloss("苹果").text == "apple"
