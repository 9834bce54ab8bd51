from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safelight.core.i18n import load_messages
from safelight.policy.findings import Finding, ImageBox
from safelight.providers.advice.checklist import ChecklistItem, ChecklistState, ChecklistTopic, checklist
from safelight.web.console.checklist_rows import checklist_row
from safelight.web.translations import load_languages
from support.rows import each_row
from support.verdicts import checked_cell, seen


def checklist_items(prompt: str, *findings: Finding, **more: object) -> dict[ChecklistTopic, ChecklistItem]:
    items = checklist({"prompt": prompt}, findings, **more)  # type: ignore[arg-type]
    assert [item.topic for item in items] == list(ChecklistTopic)
    return {item.topic: item for item in items}


def states(prompt: str, *findings: Finding) -> dict[ChecklistTopic, ChecklistState]:
    return {topic: item.state for topic, item in checklist_items(prompt, *findings).items()}


def test_a_harmless_prompt_needs_no_change() -> None:
    for prompt in (
        "A cat on a windowsill, warm light, slow dolly-in shot, watercolour style",
        "A lighthouse at sunrise",
    ):
        assert set(states(prompt).values()) <= {ChecklistState.FINE, ChecklistState.NOT_APPLICABLE}
    negated = states("A quiet lake", seen("violence", negated=True))
    assert negated[ChecklistTopic.HARM_WORDS] is ChecklistState.FINE


def test_distress_and_combinations_of_indicators_get_advice() -> None:
    item = checklist_items("I want to end it all", seen("self-harm/intent"))[ChecklistTopic.DISTRESS]
    assert "Help lines" in item.message
    assert item.state is ChecklistState.LOOK
    chinese = states("一个女孩在屋顶上哭，绝望")
    assert chinese[ChecklistTopic.DISTRESS] is ChecklistState.LOOK
    assert chinese[ChecklistTopic.EXPLICIT_ADULTS] is ChecklistState.LOOK
    combined = states("A person alone on a rooftop crying, a knife, falling")
    assert combined[ChecklistTopic.SIMPLIFY] is ChecklistState.LOOK


def test_a_name_is_a_problem_and_its_span_is_given() -> None:
    prompt = "Tom Cruise rides a horse"
    item = checklist_items(prompt, seen("likeness", span=(0, 10)))[ChecklistTopic.NAMES]
    assert item.state is ChecklistState.PROBLEM
    assert [prompt[span.start : span.end] for span in item.spans] == ["Tom Cruise"]
    assert "Tom Cruise" in item.message


def test_a_harm_word_without_a_finding_is_only_advice() -> None:
    prompt = "A chef cutting carrots"
    item = checklist_items(prompt)[ChecklistTopic.HARM_WORDS]
    assert item.state is ChecklistState.LOOK
    assert [prompt[span.start : span.end] for span in item.spans] == ["cutting"]
    found = states(prompt, seen("violence", span=(0, 3)))
    assert found[ChecklistTopic.HARM_WORDS] is ChecklistState.PROBLEM


@pytest.mark.parametrize(
    ("prompt", "is_person"),
    [
        ("A surgeon washes her hands", True),
        ("Two boxers touch gloves", True),
        ("A widow lights a candle", True),
        ("一位寡妇点起蜡烛", True),
        ("兩名拳擊手碰拳", True),
        ("A king penguin and a specimen of coral", False),
        ("企鹅在雪地里走", False),
    ],
)
def test_people_are_seen_by_their_work_sport_and_family(prompt: str, is_person: bool) -> None:
    item = checklist_items(prompt)[ChecklistTopic.EXPLICIT_ADULTS]
    assert ("no word for a person" in item.message) is not is_person


def test_advice_never_states_that_people_are_adults() -> None:
    for prompt, state in (
        ("A dancer in a studio", ChecklistState.LOOK),
        ("An elderly man in a studio", ChecklistState.FINE),
        ("A lighthouse at sunrise", ChecklistState.NOT_APPLICABLE),
        ("A child builds a sandcastle with a man", ChecklistState.LOOK),
    ):
        item = checklist_items(prompt)[ChecklistTopic.EXPLICIT_ADULTS]
        assert item.state is state
        assert ("Never call a child an adult" in item.message) is ("child" in prompt)
    for category in ("sexual", "sexual/minors", "minors-present"):
        item = checklist_items("A dancer in a studio", seen(category, 0.1))[ChecklistTopic.EXPLICIT_ADULTS]
        assert "state it" not in item.message


@each_row
def test_no_age_is_advised_beside_a_sign_of_youth_or_sex(prompt: str) -> None:
    item = checklist_items(prompt)[ChecklistTopic.EXPLICIT_ADULTS]
    assert (item.state, item.spans) == (ChecklistState.NOT_APPLICABLE, ())
    assert item.message == "This point does not apply."


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans"])
def test_the_chinese_words_on_age_do_not_advise_to_state_an_age(locale: str) -> None:
    messages = load_messages("console", locale)
    for state in ("look", "not_applicable"):
        said = messages(f"check.message.explicit_adults_{state}")
        assert not re.search("如果是成年人|請寫明|请写明|人物如果", said)


def test_advice_never_suggests_an_invented_purpose() -> None:
    item = checklist_items("A soldier crying alone")[ChecklistTopic.CONTEXT]
    assert item.state is ChecklistState.LOOK
    assert "do not invent one" in item.message
    assert (
        checklist_items("For a documentary about rescue, a soldier crying")[
            ChecklistTopic.CONTEXT
        ].message.count("if it is true")
        == 1
    )


def test_faces_are_fine_only_if_a_detector_checked_the_references() -> None:
    box = seen("likeness", modality="image", evidence=(ImageBox(x=0, y=0, w=1, h=1),))
    for findings, more, state in (
        ([], {}, ChecklistState.NOT_APPLICABLE),
        ([box], {"references": 1}, ChecklistState.PROBLEM),
        ([], {"references": 1}, ChecklistState.LOOK),
        ([], {"references": 1, "cells": (checked_cell("likeness", "image"),)}, ChecklistState.FINE),
    ):
        assert checklist_items("x", *findings, **more)[ChecklistTopic.FACES_IN_IMAGES].state is state


def test_withheld_words_are_not_shown() -> None:
    prompt = "The unspeakable thing"
    finding = seen("self-harm/instructions", span=(4, 15))
    item = checklist_items(prompt, finding, shown=())[ChecklistTopic.HARM_WORDS]
    assert item.spans == ()
    assert "unspeakable" not in item.message


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(min_value=0, max_value=3))
@example("crying " * 4000, 0)
@example("for a " * 4000, 0)
@example("人" * 4000, 0)
@example("18 years old " * 4000, 0)
def test_every_span_is_inside_the_text(prompt: str, references: int) -> None:
    for item in checklist({"prompt": prompt}, (), references=references):
        assert item.message
        assert len(item.spans) <= 12
        for span in item.spans:
            assert 0 <= span.start < span.end <= len(prompt)


@each_row
def test_chinese_hits_of_the_checklist_are_whole_words(
    prompt: str, topic: ChecklistTopic, shown: list[str]
) -> None:
    spans = checklist_items(prompt)[topic].spans
    assert [prompt[span.start : span.end] for span in spans] == shown


@each_row
def test_the_child_in_a_bath_is_not_told_to_state_an_age(prompt: str, locale: str) -> None:
    item = checklist_items(prompt)[ChecklistTopic.EXPLICIT_ADULTS]
    assert "state it" not in item.message
    said = checklist_row(item, load_languages()[locale]).text
    assert not re.search("state it|no age|没有写明|沒有寫明|請寫明|请写明", said)
    assert "Never call a child an adult" in said or "写成成年人" in said or "寫成成年人" in said
