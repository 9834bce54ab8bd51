from __future__ import annotations

import re
from importlib.resources import files

import pytest

from safelight.console.translations import Translations, languages, negotiate_language


def test_the_browsers_language_is_taken_where_there_is_one() -> None:
    assert negotiate_language(None, None).tag == "en"
    assert negotiate_language(None, "xx-YY, en-GB;q=0.8").tag == "en"
    assert negotiate_language("nonsense", "en").tag == "en"


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


def test_the_pages_have_three_languages_english_first() -> None:
    assert list(languages()) == ["en", "zh-Hans", "zh-Hant"]


def test_a_missing_word_falls_back_to_english() -> None:
    english = languages()["en"]
    other = Translations("xx", {"nav.studio": "Atelier"}, english)
    assert other("nav.studio") == "Atelier"
    assert other("nav.sign_out") == english("nav.sign_out")
    with pytest.raises(KeyError):
        other("no.such.key")


def test_what_is_filled_in_is_escaped() -> None:
    words = Translations("xx", {"a": "<code>{x}</code>"})
    assert words.rich("a", x="<b>") == "<code>&lt;b&gt;</code>"


def test_every_key_a_template_asks_for_exists() -> None:
    words = languages()["en"]
    folder = files("safelight.console").joinpath("templates")
    for template in folder.iterdir():
        if template.name.endswith(".html"):
            for key in re.findall(
                r'(?<![\w.])t(?:\.rich)?\("([a-z_.]+)"[,)]', template.read_text(encoding="utf-8")
            ):
                assert words.has(key), f"{template.name}: {key}"
