from __future__ import annotations

import re
from importlib.resources import files

import pytest

from safelight.videos.case_rows.models import ACTIONS, CaseKind
from safelight.web.translations import Translations, load_languages, negotiate_language
from support.rows import each_row


def test_an_unknown_language_or_cookie_falls_back() -> None:
    assert negotiate_language(None, None).tag == "en"
    assert negotiate_language(None, "xx-YY, en-GB;q=0.8").tag == "en"
    assert negotiate_language("nonsense", "en").tag == "en"


@each_row
def test_accept_language_is_matched(accept: str, tag: str) -> None:
    assert negotiate_language(None, accept).tag == tag


def test_the_cookie_has_priority_over_accept_language() -> None:
    assert negotiate_language("zh-Hant", "en").tag == "zh-Hant"
    assert negotiate_language("tlh", "zh-CN").tag == "zh-Hans"


def test_the_pages_have_three_languages_english_first() -> None:
    assert list(load_languages()) == ["en", "zh-Hans", "zh-Hant"]


@pytest.mark.parametrize(
    ("tag", "said"),
    [("en", "until 21 Nov 2026, 14:05 UTC."), ("zh-Hant", "2026 年 11 月 21 日 14:05（UTC）")],
)
def test_the_time_in_an_error_is_shown_as_on_the_page(tag: str, said: str) -> None:
    error = "case_0199 is open at another reviewer until 2026-11-21T14:05:00+00:00."
    shown = load_languages()[tag].translate_error(error)
    assert said in shown
    assert "T14" not in shown


def test_a_missing_text_falls_back_to_english() -> None:
    english = load_languages()["en"]
    other = Translations("xx", {"nav.studio": "Atelier"}, english)
    assert other("nav.studio") == "Atelier"
    assert other("nav.sign_out") == english("nav.sign_out")
    with pytest.raises(KeyError):
        other("no.such.key")


def test_every_event_of_a_review_has_a_text_in_every_language() -> None:
    # The answers in quality reviews are not in the audit log.
    decided = [
        action for kind, actions in ACTIONS.items() if kind is not CaseKind.QUALITY for action in actions
    ]
    events = ["opened", "decided", "undone", "not_carried_out", "expired", "revealed", *decided]
    for language in load_languages().values():
        assert [name for name in events if not language.has_own(f"event.case_{name}")] == []


def test_no_text_is_a_yaml_value_of_another_type() -> None:
    for language in load_languages().values():
        assert {
            key: language(key) for key in language.keys if language(key) in ("True", "False", "None")
        } == {}


def test_values_in_markup_are_escaped() -> None:
    words = Translations("xx", {"a": "<code>{x}</code>"})
    assert words.render_markup("a", x="<b>") == "<code>&lt;b&gt;</code>"


def test_every_key_in_a_template_exists() -> None:
    words = load_languages()["en"]
    folder = files("safelight.web.console").joinpath("templates")
    for template in folder.iterdir():
        if template.name.endswith(".html"):
            for key in re.findall(
                r'(?<![\w.])t(?:\.render_markup)?\("([a-z_.]+)"[,)]', template.read_text(encoding="utf-8")
            ):
                assert words.has(key), f"{template.name}: {key}"


@pytest.mark.parametrize(
    ("accept", "region"),
    [
        ("zh-HK,en;q=0.5", "HK"),
        ("zh-Hant-TW", "TW"),
        ("en-GB", "GB"),
        ("en", ""),
        ("zh-Hant", ""),
        (None, ""),
    ],
)
def test_the_region_of_the_reader_comes_from_the_languages_of_the_browser(
    accept: str | None, region: str
) -> None:
    assert negotiate_language(None, accept).region == region
    assert negotiate_language("en", accept).region == region
