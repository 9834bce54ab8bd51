from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
import yaml

from safelight.advice.provider_rules import documents
from safelight.i18n import translate_reason, translate_sentence

TAGS = ("zh-Hans", "zh-Hant")


@pytest.mark.parametrize("tag", TAGS)
def test_every_shown_shipped_reason_is_translated(tag: str) -> None:
    for reason, rule in shipped_reasons().items():
        filled = re.sub(r"\{\w+\}", "7", reason)
        if rule.get("vault") or rule["id"] in {"kh-1", "sm-1", "sm-2", "sm-3"}:
            continue
        assert translate_reason(filled, tag) != filled, reason
        assert ("7" in translate_reason(filled, tag)) == ("7" in filled)


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


@pytest.mark.parametrize(
    ("slice_", "sentence", "wanted"),
    [
        ("commands", "There is no field Prompt: use prompt.", "沒有 Prompt 這個欄位：請用 prompt。"),
        ("commands", "The server has no model high.", "伺服器沒有 high 這個模型。"),
        ("commands", "Risk at the provider: high.", "供應商的風險：高。"),
        (
            "commands",
            "The file video of input_reference does not exist.",
            "input_reference 的檔案 video 不存在。",
        ),
        ("doctor", "upstream policy", "上游伺服器 policy"),
        (
            "provider_errors",
            "violence does not accept the request in this form; the content was not judged.",
            "violence不接受這種格式的請求；內容並未受審查。",
        ),
    ],
)
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
