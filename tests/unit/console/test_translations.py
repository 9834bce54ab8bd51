from __future__ import annotations

import re
from importlib.resources import files

import pytest

from safelight.console.translations import Translations, languages, negotiate_language


def test_the_browsers_language_is_taken_where_there_is_one() -> None:
    assert negotiate_language(None, None).tag == "en"
    assert negotiate_language(None, "xx-YY, en-GB;q=0.8").tag == "en"
    assert negotiate_language("nonsense", "en").tag == "en"


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
