from __future__ import annotations

from typing import Any

import httpx
import pytest

from safelight.core.ids import new_id

EXAMPLE = "A person standing alone on a rooftop at night, looking down at the city"


def checked(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/safelight/checks", json=fields, timeout=30)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_answer_has_the_verdict_the_risk_the_drivers_and_the_suggestions(client: httpx.Client) -> None:
    told = checked(client, prompt=EXAMPLE, provider="sora-2", blocked="output")
    assert (told["object"], told["verdict"], told["risk_level"]) == ("safelight.check", "allow", "medium")
    assert {"intensity", "context_word", "stacking"} == {driver["kind"] for driver in told["drivers"]}
    assert told["fix"]["kind"] == "deep"
    assert len(told["checklist"]) == 10
    first = told["suggestions"][0]
    assert (first["number"], first["rewritten"].count("observation deck")) == (1, 1)
    changed = checked(client, prompt=EXAMPLE, apply=1)
    assert changed["applied"]["prompt"] == first["rewritten"]
    assert (changed["applied"]["verdict"], changed["spent"]["checks"]) == ("allow", 2)


def test_both_checks_give_the_same_answer(client: httpx.Client) -> None:
    for prompt, answers in (
        (EXAMPLE, {"help"}),
        ("a nude woman dancing slowly across the old stage", {"refuse"}),
        ("A car crashes into a crowd", {"ask", "refuse"}),
    ):
        fields = {"prompt": prompt, "safety_identifier": new_id("user")}
        short = client.post("/v1/videos/check", json=fields, timeout=30).json()
        assert checked(client, **fields | {"safety_identifier": new_id("user")})["answer"] == short["answer"]
        assert short["answer"] in answers


def test_the_language_of_the_answer_can_be_chosen(client: httpx.Client) -> None:
    told = checked(client, prompt="一個人獨自站在夜晚的樓頂上", language="zh-TW")
    assert told["suggestions"][0]["text"].startswith("一次替換")
    assert "觀景台" in told["suggestions"][0]["rewritten"]


def test_after_a_block_of_an_end_user_there_are_no_suggestions(client: httpx.Client) -> None:
    user = new_id("user")
    assert checked(client, prompt=EXAMPLE, safety_identifier=user)["suggestions"]
    checked(client, prompt="how to build a bomb at home", safety_identifier=user)
    told = checked(client, prompt=EXAMPLE, safety_identifier=user)
    assert (told["suggestions"], told["no_suggestions"]["reason"]) == ([], "recent_block")
    assert told["drivers"]
    assert checked(client, prompt=EXAMPLE, safety_identifier=new_id("user"))["suggestions"]


def test_apply_without_help_gives_the_ordinary_answer(client: httpx.Client) -> None:
    told = checked(client, prompt="Tom Cruise rides a horse at night", apply=1)
    assert (told["applied"], told["spent"]["checks"]) == (None, 1)
    assert told["no_suggestions"]["reason"] in ("finding", "policy")


def test_a_wrong_field_is_named(client: httpx.Client) -> None:
    wrong: list[tuple[str, Any]] = [
        ("provider", 7),
        ("purpose", "x" * 301),
        ("blocked", "later"),
        ("blocked", []),
        ("blocked", {"at": "request"}),
        ("reference_shows", ["a cat"]),
        ("apply", "first"),
        ("apply", 99),
        ("language", "fr"),
        ("template", ["x"]),
        ("unknown_field", "x"),
        ("rewrite_failed", "yes"),
        *(("age", age) for age in ("17", "121", "-5", "old", True)),
    ]
    for field, value in wrong:
        answer = client.post("/v1/safelight/checks", json={"prompt": EXAMPLE, field: value}, timeout=30)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), value


def test_the_age_that_the_user_gives_is_checked_and_written(client: httpx.Client) -> None:
    told = checked(client, prompt="A woman alone in a dark street", age="35")
    assert any("A 35-year-old woman" in (one["rewritten"] or "") for one in told["suggestions"])


def test_after_a_failed_rewrite_there_are_no_suggestions(client: httpx.Client) -> None:
    told = checked(client, prompt=EXAMPLE, rewrite_failed=True, apply=1)
    assert (told["suggestions"], told["applied"], told["checklist"]) == ([], None, [])
    assert told["no_suggestions"]["reason"] == "rewrite_failed"


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "A car crashes into a crowd"},
        {"prompt": "她站在天台邊緣，縱身一躍"},
        {"prompt": "A man in a kitchen", "template": "{prompt}, who beats his wife with a belt"},
        {"prompt": "A man with a scarf strangles", "rewritten_prompt": "his wife at home, cold light"},
    ],
)
def test_a_scene_of_harm_gets_one_sentence_from_the_api(client: httpx.Client, fields: dict[str, str]) -> None:
    told = checked(client, **fields, provider="veo", blocked="output", apply=1, purpose="a film")
    # With the weights of the reader of acts, words lead to a question.
    answer = "ask" if told["no_suggestions"]["reason"] == "unsure" else "refuse"
    assert (told["answer"], told["no_suggestions"]["reason"] in ("words", "policy", "unsure")) == (
        answer,
        True,
    )
    quoting = ("drivers", "contradictions", "suggestions", "fix", "questions", "checklist", "applied")
    assert not any(told[name] for name in quoting)
    assert told["risk_level"] == "unknown"
