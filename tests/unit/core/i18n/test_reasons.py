from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
import yaml

from safelight.core.i18n import load_messages, translate_reason, translate_sentence
from safelight.policy.findings import SHIPPED
from safelight.providers.advice.provider_rules import documents
from support.rows import each_row

TAGS = ("zh-Hans", "zh-Hant")


@pytest.mark.parametrize("tag", TAGS)
def test_every_shown_shipped_reason_is_translated(tag: str) -> None:
    for reason, rule in shipped_reasons().items():
        filled = re.sub(r"\{\w+\}", "7", reason)
        if rule.get("vault") or rule["id"] in {"kh-1", "sm-1", "sm-2", "sm-3"}:
            continue
        assert translate_reason(filled, tag) != filled, reason
        assert ("7" in translate_reason(filled, tag)) == ("7" in filled)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("place", ["", "2.0 s: ", "2.0 s to 3.5 s: "])
def test_the_sentence_of_a_rule_that_a_reviewer_sends_is_translated_with_its_place(
    tag: str, place: str
) -> None:
    sentences = ["Possible nudity in several frames.", "A symbol of a hate movement."]
    sentences += [
        f"What it shows belongs to: {load_messages('explanations')(f'group.{group}')}."
        for group in {one.group for one in SHIPPED if one.hide_details}
    ]
    for one in sentences:
        assert re.search("[A-Za-z]", translate_reason(place + one, tag)) is None, one


def test_a_custom_reason_is_not_translated() -> None:
    assert translate_reason("No pineapples here.", "zh-Hant") == "No pineapples here."


@pytest.mark.parametrize("tag", ["en", "xx"])
def test_a_reason_without_translation_stays_english(tag: str) -> None:
    for reason in shipped_reasons():
        assert translate_reason(reason, tag) == reason


def test_values_inserted_into_a_sentence_are_translated_too() -> None:
    sentence = "Acme refused the prompt before anything was generated; its reason is violence."
    found = translate_sentence("provider_errors", sentence, "zh-Hant")
    assert found == "Acme在生成之前拒絕了提示詞，理由是暴力。"
    assert translate_sentence("provider_errors", "No pineapples here.", "zh-Hant") is None


@each_row
def test_a_value_of_the_user_stays_as_it_is(slice_: str, sentence: str, wanted: str) -> None:
    assert translate_sentence(slice_, sentence, "zh-Hant") == wanted


@pytest.mark.parametrize("tag", TAGS)
def test_every_documented_rule_of_a_provider_is_translated(tag: str) -> None:
    for document in documents().values():
        for rule in document.statements:
            assert translate_sentence("provider_rules", rule.statement, tag), rule.statement


def shipped_reasons() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    folder = resources.files("safelight.policy").joinpath("shipped")
    for name in ("baseline", "starter", "strict", "creative"):
        for file in folder.joinpath(name).iterdir():
            for rule in (yaml.safe_load(file.read_text("utf-8")) or {}).get("rules") or []:
                if rule.get("reason"):
                    found[rule["reason"]] = rule
    return found


def test_a_sentence_with_another_one_inside_is_read_from_its_beginning() -> None:
    verified = "It proves: This service signed this picture and sound, unchanged."
    assert (
        translate_sentence("commands", verified, "zh-Hant")
        == "可以證明：本服務簽署了這份畫面與聲音，未經更動。"
    )
