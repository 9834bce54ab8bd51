from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.policy.findings import Cell, Depth, Finding
from safelight.policy.verdicts import Action
from safelight.providers.advice.help_gate import (
    GATED,
    SURE_BELOW,
    SURE_BELOW_WITH_WORDS,
    HelpAnswer,
    HelpRefusal,
    find_refusal,
)
from support.prompt_advice import PURPOSES, advised
from support.rows import each_row
from support.verdicts import checked_cell, learned, seen

#: What is said of acts below their operating point, and the cell of the reader that judged all of the text.
READ = checked_cell("violence/assault", depth=Depth.LEARNED, detectors=("acts",))
SCENE = "A man stabs a guard"
BLOOD = "A nurse cleans an injury, blood on her gloves"
SELF_HARM_SCENE = "A woman hangs herself with a rope"


def doubt(score: float, **attributes: Any) -> Finding:
    """What the reader of acts finds with this score."""
    found = learned("violence/assault", score, **attributes)
    return msgspec.structs.replace(found, detector="acts")


def refusal(
    *findings: Finding, action: Action = Action.ALLOW, cells: tuple[Cell, ...] = (), **more: Any
) -> HelpRefusal | None:
    return find_refusal(findings, cells, action=action, **more)


@pytest.mark.parametrize("category", sorted(GATED))
def test_a_finding_of_a_gated_category_refuses_help_although_the_policy_allows(category: str) -> None:
    # On a scene of harm nothing but one sentence is said.
    harm = {"violence/graphic", "self-harm/instructions", "extremism", "illicit"}
    reason = HelpRefusal.WORDS if category in harm else HelpRefusal.FINDING
    assert refusal(seen(category)) is refusal(learned(category, 0.55)) is reason


@pytest.mark.parametrize("category", ["violence", "self-harm", "deception"])
def test_a_finding_of_harm_refuses_help_and_a_lesson_on_self_harm_keeps_it(category: str) -> None:
    assert refusal(learned(category, 0.55)) is HelpRefusal.WORDS
    assert refusal(learned(category, 0.45)) is None
    lesson = refusal(learned(category, 0.55), texts=["A lesson on warning signs"])
    assert lesson is (None if category == "self-harm" else HelpRefusal.WORDS)


def test_a_learned_finding_below_its_operating_point_does_not_refuse_help() -> None:
    assert refusal(learned("illicit", 0.45)) is refusal(learned("illicit", at=None)) is None


def test_a_child_in_an_ordinary_scene_gets_help_and_with_a_sexual_sign_does_not() -> None:
    child = seen("minors-present")
    assert refusal(child) is None
    assert refusal(child, learned("sexual", 0.35)) is HelpRefusal.FINDING


@pytest.mark.parametrize("action", [Action.ALLOW, Action.HOLD])
def test_a_threat_gets_one_sentence_and_never_another_word(action: Action) -> None:
    assert refusal(learned("harassment", 0.8, kind="threat"), action=action) is HelpRefusal.WORDS
    assert refusal(learned("harassment", 0.8), action=action) is not HelpRefusal.WORDS


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_what_our_policy_does_not_allow_gets_no_help(action: Action) -> None:
    assert refusal(action=action) is HelpRefusal.POLICY


def test_an_undecided_request_gets_no_help() -> None:
    assert refusal(undecided=True) is HelpRefusal.POLICY


@each_row
def test_a_gated_category_that_was_not_checked_in_this_language_refuses_help(
    changes: dict[str, Any],
) -> None:
    changes["depth"] = Depth(changes.get("depth", "learned"))
    assert refusal(cells=(checked_cell("sexual", **changes),)) is HelpRefusal.NOT_CHECKED
    assert refusal(cells=(checked_cell("privacy", **changes),)) is None


def test_distress_of_the_writer_gets_no_advice_on_the_wording() -> None:
    distress = seen("self-harm/intent")
    assert refusal(distress) is HelpRefusal.DISTRESS
    assert refusal(distress, seen("likeness")) is HelpRefusal.DISTRESS
    assert refusal(distress, undecided=True) is HelpRefusal.DISTRESS
    assert refusal(distress, action=Action.BLOCK) is HelpRefusal.POLICY


def test_an_excluded_finding_does_not_refuse_help() -> None:
    assert refusal(seen("sexual", negated=True)) is None


def test_a_block_of_the_last_hour_refuses_help_and_no_help_line() -> None:
    assert refusal(had_block=True) is HelpRefusal.RECENT_BLOCK
    assert refusal(seen("self-harm/intent"), had_block=True) is HelpRefusal.DISTRESS
    assert advised(SELF_HARM_SCENE, had_block=True).help_lines


def test_words_that_suggest_a_dangerous_scene_have_a_reason_of_their_own() -> None:
    assert refusal(texts=["A man stabs a guard"]) is HelpRefusal.WORDS


@pytest.mark.parametrize(
    ("texts", "score", "wanted"),
    [
        (["A cat sleeps"], 0.0, None),
        (["A cat sleeps"], SURE_BELOW / 2, None),
        (["A cat sleeps"], SURE_BELOW, HelpRefusal.UNSURE),
        (["A cat sleeps"], 0.49, HelpRefusal.UNSURE),
        (["A cat sleeps"], 0.5, HelpRefusal.WORDS),
        ([BLOOD], 0.0, None),
        ([BLOOD], SURE_BELOW_WITH_WORDS, HelpRefusal.UNSURE),
        ([BLOOD], 0.5, HelpRefusal.WORDS),
        ([SCENE], 0.0, HelpRefusal.UNSURE),
        ([SCENE], 0.49, HelpRefusal.UNSURE),
        ([SCENE], 0.5, HelpRefusal.WORDS),
    ],
)
def test_the_reader_of_acts_decides_between_help_a_question_and_a_refusal(
    texts: list[str], score: float, wanted: HelpRefusal | None
) -> None:
    assert refusal(doubt(score), texts=texts, cells=(READ,)) is wanted
    assert score >= 0.3 or refusal(texts=texts, cells=(READ,), unrecorded=[doubt(score)]) is wanted


@pytest.mark.parametrize(
    "changes", [{"detectors": ("words",)}, {"complete": False}, {"note": "acts: no operating point."}]
)
def test_without_the_reader_words_refuse_as_before(changes: dict[str, Any]) -> None:
    cells = (msgspec.structs.replace(READ, **changes),)
    assert refusal(texts=[SCENE], cells=cells) is HelpRefusal.WORDS
    assert refusal(doubt(0.49), texts=["A cat sleeps"], cells=cells) is None


@pytest.mark.parametrize(
    "reason",
    [
        {"undecided": True},
        {"had_block": True},
        {"findings": [seen("likeness")]},
        {"cells": (checked_cell("sexual", complete=False),)},
    ],
)
def test_words_of_harm_beside_another_reason_are_refused_without_a_word_on_them(
    reason: dict[str, Any],
) -> None:
    found, cells = reason.pop("findings", []), (READ, *reason.pop("cells", ()))
    assert refusal(*found, texts=[SCENE], cells=cells, **reason) is HelpRefusal.WORDS
    assert refusal(*found, texts=["A cat"], cells=cells, **reason) not in (
        None,
        HelpRefusal.WORDS,
        HelpRefusal.UNSURE,
    )


def test_a_minor_without_clothes_is_refused_even_if_the_reader_is_sure() -> None:
    child = seen("minors-present")
    assert refusal(child, texts=["a girl in lingerie"], cells=(READ,)) is HelpRefusal.WORDS


def test_a_question_has_no_advice_no_blame_and_no_help_lines() -> None:
    for prompt in ("A cat sleeps", SELF_HARM_SCENE):
        advice = advised(prompt, cells=(READ,), unrecorded=(doubt(0.2),))
        assert (advice.answer, advice.refusal) == (HelpAnswer.ASK, HelpRefusal.UNSURE)
        wire = advice.as_wire()
        assert wire["answer"] == "ask"
        quoting = ("drivers", "contradictions", "suggestions", "fix", "questions", "help_lines")
        assert not any(wire[name] for name in quoting)
        assert wire["no_suggestions"]["text"].startswith("What happens in the scene, and to whom?")
    for locale, mark in (("zh-Hant", "發生在誰身上？"), ("zh-Hans", "发生在谁身上？")):
        asked = advice.as_wire(locale)["no_suggestions"]
        assert mark in asked["text"]


def test_the_answer_is_help_or_a_refusal_without_a_question() -> None:
    assert advised("A cat sleeps").answer is HelpAnswer.HELP
    assert advised("A cat sleeps", rewrite_failed=True).answer is HelpAnswer.REFUSE
    assert advised(SCENE).answer is HelpAnswer.REFUSE


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    "prompt", [SCENE, SELF_HARM_SCENE, "A car crashes into a crowd on purpose", "一个男人用皮带抽打妻子"]
)
def test_a_stated_purpose_never_excuses_words(prompt: str, purpose: str) -> None:
    for text in (f"{prompt}. {purpose}", f"{purpose} {prompt}"):
        assert refusal(texts=[text]) is HelpRefusal.WORDS, text


@pytest.mark.parametrize(
    "text",
    ["A girl looks at a city from a roof", "一個女孩從屋頂看著城市", "A knife on a kitchen table", "A rope"],
)
def test_no_noun_alone_decides(text: str) -> None:
    assert refusal(texts=[text]) is refusal(texts=[text], cells=(READ,)) is None


def test_words_for_graphic_violence_that_a_classifier_supports_are_refused() -> None:
    found = learned("violence/graphic", 0.35)
    assert refusal(found, texts=[BLOOD], cells=(READ,)) is HelpRefusal.WORDS
    assert refusal(found, texts=["A cat sleeps"], cells=(READ,)) is None
