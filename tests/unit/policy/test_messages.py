from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
import yaml

from safelight.policy.explanations import help_lines
from safelight.policy.messages import available_locales, load_messages

OTHERS = [tag for tag in available_locales() if tag != "en"]


def document(tag: str) -> dict[str, Any]:
    source = resources.files("safelight.policy").joinpath("locales", f"{tag}.yaml")
    found: dict[str, Any] = yaml.safe_load(source.read_text("utf-8"))
    return found


def test_there_are_three_languages() -> None:
    assert available_locales() == ("en", "zh-Hans", "zh-Hant")


@pytest.mark.parametrize("tag", OTHERS)
def test_every_language_says_what_english_says_and_fills_in_the_same(tag: str) -> None:
    english, other = load_messages(), load_messages(tag)
    assert english.keys <= other.keys
    flat = {key: other(key, **dict.fromkeys(NAMES, "#")) for key in english.keys}
    for key, text in flat.items():
        assert text.count("#") == english(key, **dict.fromkeys(NAMES, "#")).count("#"), key
        assert not re.search(r"[A-Za-z]{4,}", text.replace("findahelpline", "")), key


NAMES = ("when", "subject", "where", "reason", "rule", "field", "seconds", "amount", "currency")


@pytest.mark.parametrize("tag", OTHERS)
def test_every_shipped_reason_that_is_told_has_words(tag: str) -> None:
    told = load_messages(tag)
    for reason, rule in shipped().items():
        filled = re.sub(r"\{\w+\}", "7", reason)
        if rule.get("vault") or rule["id"] in {"kh-1", "sm-1", "sm-2", "sm-3"}:
            continue
        assert told.reason(filled) != filled, reason
        assert ("7" in told.reason(filled)) == ("7" in filled)


def test_an_operators_own_reason_stays_as_it_is() -> None:
    assert load_messages("zh-Hant").reason("No pineapples here.") == "No pineapples here."


def test_an_unknown_language_is_english() -> None:
    assert load_messages("xx") is load_messages()


def test_help_lines_fit_the_region() -> None:
    assert {line.region for line in help_lines()} == {"", "US"}
    assert "1925" in " ".join(line.text for line in help_lines("zh-Hant"))
    assert "12356" in " ".join(line.text for line in help_lines("zh-Hans"))
    assert help_lines("xx") == help_lines()


def shipped() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    folder = resources.files("safelight.policy").joinpath("shipped")
    for name in ("baseline", "starter", "strict", "creative"):
        for file in folder.joinpath(name).iterdir():
            for rule in (yaml.safe_load(file.read_text("utf-8")) or {}).get("rules") or []:
                if rule.get("reason"):
                    found[rule["reason"]] = rule
    return found
