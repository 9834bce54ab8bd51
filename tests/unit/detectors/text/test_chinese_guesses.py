"""Readings of disguised Chinese: what they recover, what they leave alone, and their offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import TextView
from safelight.detectors.text.chinese_guesses import guess_views
from safelight.detectors.text.chinese_order import numbered_parts, orders
from safelight.detectors.text.guessed_views import readable_views
from safelight.detectors.text.normalise import final_views, folded, plain
from safelight.detectors.text.sound_lexicon import SoundLexicon, installed_lexicon
from safelight.detectors.text.sound_reader import Sign, read_sounds
from safelight.detectors.text.syllables import sound_of_zhuyin, split_pinyin, without_accent

SENTENCE = "老人坐在公园的长椅上看报纸"


def guesses(text: str) -> list[TextView]:
    return [view for view in readable_views(text) if view.is_guess]


@pytest.mark.parametrize(
    "disguised",
    [
        SENTENCE[::-1],
        "人老在坐园公长的上椅报看纸",
        "x".join(SENTENCE),
        "从下往上读：\n" + "\n".join(reversed(SENTENCE)),
        "\n".join(" ".join(SENTENCE[row::4]) for row in range(4)),
        " ".join(f"{number}:{SENTENCE[number]}" for number in (3, 1, 0, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12)),
    ],
)
def test_reads_characters_in_another_order(disguised: str) -> None:
    view = guesses(disguised)[0]
    assert view.kind == "chinese_order"
    assert view.text[-len(SENTENCE) :] == SENTENCE


@pytest.mark.parametrize(
    "disguised",
    [
        "lǎorén zuòzài gōngyuán de chángyǐ shàng kàn bàozhǐ",
        "laorenzuozaigongyuandechangyishangkanbaozhi",
        "lao3ren2 zuo4zai4 gong1yuan2 de chang2yi3 shang4 kan4 bao4zhi3",
        "老ren坐zai公yuan的chang椅shang看bao纸",
        "ㄌㄠˇ ㄖㄣˊ ㄗㄨㄛˋ ㄗㄞˋ ㄍㄨㄥ ㄩㄢˊ ㄉㄜ˙ ㄔㄤˊ ㄧˇ ㄕㄤˋ ㄎㄢˋ ㄅㄠˋ ㄓˇ",
    ],
)
def test_reads_words_by_their_sound(disguised: str) -> None:
    view = guesses(disguised)[-1]
    assert view.kind == "chinese_sound"
    assert view.text.startswith("老人")
    assert view.text.endswith("看报纸")


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "傍晚的海邊，孩子們在沙灘上堆城堡，遠處有一艘白色的船。",
        "用AI做一段LOGO动画，背景是蓝色的",
        "小船慢慢靠岸\n谁在灯下等我\n路边的花开了\n也许明天会下雨\n把窗户关上吧",
        "A man can see the sea in a song, and he was late again.",
        "Watashi wa kinou tomodachi to eiga o mimashita",
        "La casa de mi abuela tiene una ventana azul",
        "",
        "\ud800",
    ],
)
def test_language_as_it_is_written_has_no_other_reading(text: str) -> None:
    assert not guesses(text)


def test_a_guess_is_read_beside_the_text_and_not_instead_of_it() -> None:
    read = final_views(readable_views(SENTENCE[::-1]))
    assert [view.is_guess for view in read] == [False, True]


def test_without_a_dictionary_nothing_is_read() -> None:
    assert not list(guess_views(SENTENCE[::-1], folded(plain(SENTENCE[::-1])), lambda: None))


@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("的人男在公园ㄅㄚ1:：\n ab\ud800")), max_size=80
    )
)
def test_every_view_stays_inside_the_text(text: str) -> None:
    for view in guesses(text):
        assert len(view.offsets) == len(view.text) + 1
        assert list(view.offsets) == sorted(view.offsets)
        assert view.offsets[0] >= 0
        assert view.offsets[-1] <= len(text)


@given(st.text(alphabet="的人男在公园，a \n", max_size=40))
def test_an_order_has_only_characters_of_the_text_at_their_places(text: str) -> None:
    letters = list(zip(text, range(len(text)), strict=True))
    for row in [*orders(text, letters), *numbered_parts(text)]:
        assert all(text[place] == letter for letter, place in row)
        assert len({place for _letter, place in row}) == len(row)


@given(st.lists(st.sampled_from(["ma", "lao", "ren", "xiang", "zhong"]), min_size=1, max_size=12))
def test_a_word_of_pinyin_is_split_into_syllables_that_make_it(syllables: list[str]) -> None:
    word = "".join(syllables)
    found = split_pinyin(word, frozenset(syllables))
    assert "".join(found) == word
    assert len(found) <= len(syllables)


def test_a_word_that_is_no_pinyin_has_no_syllables() -> None:
    assert split_pinyin("strength", frozenset({"ma", "e"})) == ()


@pytest.mark.parametrize(
    ("signs", "sound"),
    [
        ("ㄐㄩㄢˇ", "juan"),
        ("ㄒㄩㄥ", "xiong"),
        ("ㄧㄥ", "ying"),
        ("ㄓ", "zhi"),
        ("ㄌㄩˋ", "lv"),
        ("ㄨㄣ", "wen"),
    ],
)
def test_zhuyin_is_pinyin_in_other_signs(signs: str, sound: str) -> None:
    assert sound_of_zhuyin(signs) == sound


def test_accents_merge_sounds() -> None:
    assert without_accent("zhang") == without_accent("zan")
    assert without_accent("nan") == without_accent("lan")


def test_a_character_is_kept_if_it_is_as_likely_as_another_of_its_sound() -> None:
    lexicon = SoundLexicon.of([("马", "ma", 90), ("妈", "ma", 100), ("妈妈", "ma ma", 100)])
    assert read_sounds([Sign("马", ("ma",))], lexicon).text == "马"
    assert read_sounds([Sign("马", ("ma",)), Sign("", ("ma",))], lexicon).text == "妈妈"


def test_the_installed_lexicon_knows_words_and_sounds() -> None:
    lexicon = installed_lexicon()
    assert lexicon is not None
    assert "公园" in dict(lexicon.words["gong yuan"])
    assert {"chang", "zhang"} <= set(lexicon.sounds["长"])
