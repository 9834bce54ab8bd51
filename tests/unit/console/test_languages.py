from __future__ import annotations

import string

import pytest

from safelight.console.translations import Translations, languages, negotiate_language

OTHERS = [tag for tag in languages() if tag != "en"]
#: What would give away the words or the letters of the other region.
NOT_IN = {
    "zh-Hant": ("视频", "視頻", "這個視頻", "默认", "质量", "信息", "们", "这", "设置", "網絡"),
    "zh-Hans": ("影片", "視頻", "資訊", "設定", "这部影片", "们的政策", "網路", "們", "這"),
}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def text(words: Translations, key: str) -> str:
    return words(key)


def test_there_are_three_languages_english_first() -> None:
    assert list(languages()) == ["en", "zh-Hans", "zh-Hant"]


@pytest.mark.parametrize("tag", OTHERS)
def test_every_language_has_every_key_with_the_same_fields(tag: str) -> None:
    english, other = languages()["en"], languages()[tag]
    extra = {key for key in other.keys - english.keys if not key.startswith("check.say.")}
    assert english.keys - other.keys == set()
    assert extra == set()
    free = {"time.day", "time.moment", "check.say"}
    for key in english.keys - free:
        wanted = fields(text(english, key))
        assert fields(text(other, key)) <= wanted, key
        if not key.startswith("verify."):
            assert fields(text(other, key)) == wanted, key


def test_both_chinese_catalogues_say_the_same_things() -> None:
    assert languages()["zh-Hant"].keys == languages()["zh-Hans"].keys


@pytest.mark.parametrize("tag", OTHERS)
def test_each_region_has_its_own_words(tag: str) -> None:
    words = languages()[tag]
    for key in words.keys - {"language"}:
        for foreign in NOT_IN[tag]:
            assert foreign not in text(words, key), (key, foreign)


@pytest.mark.parametrize("tag", OTHERS)
def test_little_is_the_same_as_in_english(tag: str) -> None:
    words, english = languages()[tag], languages()["en"]
    same = {key for key in english.keys if text(words, key) == text(english, key)}
    assert same <= {"app.name", "footer.version", "verify.quoted"}


@pytest.mark.parametrize(
    ("accept", "tag"),
    [
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh", "zh-Hans"),
        ("zh-CN,zh-TW;q=0.9", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("fr,zh-TW;q=0.4,en;q=0.5", "en"),
        ("fr,ja;q=0.9", "en"),
        ("en;q=0,zh-CN;q=nonsense", "en"),
        ("*", "en"),
        (";;;,,,=", "en"),
    ],
)
def test_the_browsers_wish_is_followed(accept: str, tag: str) -> None:
    assert negotiate_language(None, accept).tag == tag


def test_the_choice_goes_before_the_browser() -> None:
    assert negotiate_language("zh-Hant", "en").tag == "zh-Hant"
    assert negotiate_language("tlh", "zh-CN").tag == "zh-Hans"
