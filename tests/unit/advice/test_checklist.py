from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.advice.checklist import Check, Item, State, checklist
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, ImageBox, Modality, TextSpan


def seen(category: str, start: int = 0, end: int = 3, **changes: object) -> Finding:
    given = {
        "category": category,
        "score": 0.9,
        "modality": Modality.TEXT,
        "detector": "words",
        "version": "1",
        "reason": "Seen.",
        "evidence": (TextSpan(field="prompt", start=start, end=end),),
    }
    return Finding(**{**given, **changes})  # type: ignore[arg-type]


def looked(prompt: str, *findings: Finding, **more: object) -> dict[Check, Item]:
    items = checklist({"prompt": prompt}, findings, **more)  # type: ignore[arg-type]
    assert [item.check for item in items] == list(Check)
    return {item.check: item for item in items}


def test_an_innocent_prompt_needs_nothing() -> None:
    items = looked("A cat on a windowsill, warm light, slow dolly-in shot, watercolour style")
    assert {item.state for item in items.values()} <= {State.FINE, State.NOT_APPLICABLE}


def test_a_bare_innocent_prompt_is_not_nagged_about_style_or_tone() -> None:
    items = looked("A lighthouse at sunrise")
    assert not [item for item in items.values() if item.state in (State.LOOK, State.PROBLEM)]


def test_a_name_is_a_problem_with_its_place() -> None:
    prompt = "Tom Cruise rides a horse"
    item = looked(prompt, seen("likeness", 0, 10))[Check.NAMES]
    assert item.state is State.PROBLEM
    assert [prompt[span.start : span.end] for span in item.spans] == ["Tom Cruise"]
    assert "Tom Cruise" in item.sentence


def test_a_word_of_harm_is_only_worth_a_look() -> None:
    prompt = "A chef cutting carrots"
    item = looked(prompt)[Check.HARM_WORDS]
    assert item.state is State.LOOK
    assert [prompt[span.start : span.end] for span in item.spans] == ["cutting"]
    assert looked(prompt, seen("violence"))[Check.HARM_WORDS].state is State.PROBLEM


def test_adults_are_never_invented() -> None:
    assert looked("A dancer in a studio")[Check.EXPLICIT_ADULTS].state is State.LOOK
    assert looked("An elderly man in a studio")[Check.EXPLICIT_ADULTS].state is State.FINE
    assert looked("A lighthouse at sunrise")[Check.EXPLICIT_ADULTS].state is State.NOT_APPLICABLE
    child = looked("A child builds a sandcastle with a man")[Check.EXPLICIT_ADULTS]
    assert child.state is State.LOOK
    assert "Never call a child an adult" in child.sentence


def test_no_purpose_is_suggested() -> None:
    item = looked("A soldier crying alone")[Check.CONTEXT]
    assert item.state is State.LOOK
    assert "do not invent one" in item.sentence
    assert (
        looked("For a documentary about rescue, a soldier crying")[Check.CONTEXT].sentence.count(
            "if it is true"
        )
        == 1
    )


def test_distress_is_told_kindly_where_it_sounds_like_one_s_own() -> None:
    item = looked("I want to end it all", seen("self-harm/intent"))[Check.DISTRESS]
    assert "Help lines" in item.sentence
    assert item.state is State.LOOK


def test_things_that_add_up_are_named_so() -> None:
    item = looked("A person alone on a rooftop crying, a knife, falling")[Check.SIMPLIFY]
    assert item.state is State.LOOK


def test_faces_need_somebody_who_looked() -> None:
    box = seen("likeness", modality=Modality.IMAGE, evidence=(ImageBox(x=0, y=0, w=1, h=1),))
    cell = Cell(category="likeness", modality=Modality.IMAGE, available=True, ran=True, complete=True)
    assert looked("x")[Check.FACES_IN_IMAGES].state is State.NOT_APPLICABLE
    assert looked("x", box, references=1)[Check.FACES_IN_IMAGES].state is State.PROBLEM
    assert looked("x", references=1)[Check.FACES_IN_IMAGES].state is State.LOOK
    assert looked("x", references=1, cells=(cell,))[Check.FACES_IN_IMAGES].state is State.FINE


def test_words_that_may_not_be_told_are_not_told() -> None:
    prompt = "The unspeakable thing"
    finding = seen("self-harm/instructions", 4, 15)
    item = looked(prompt, finding, shown=())[Check.HARM_WORDS]
    assert item.spans == ()
    assert "unspeakable" not in item.sentence


def test_a_negated_finding_is_no_problem() -> None:
    finding = seen("violence", attributes={"negated": True})
    assert looked("A quiet lake", finding)[Check.HARM_WORDS].state is State.FINE


def test_it_reads_chinese() -> None:
    items = looked("一个女孩在屋顶上哭，绝望")
    assert items[Check.DISTRESS].state is State.LOOK
    assert items[Check.EXPLICIT_ADULTS].state is State.LOOK


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(min_value=0, max_value=3))
def test_every_span_lies_in_the_text(prompt: str, references: int) -> None:
    for item in checklist({"prompt": prompt}, (), references=references):
        assert item.sentence
        for span in item.spans:
            assert 0 <= span.start < span.end <= len(prompt)


@pytest.mark.parametrize("piece", ["crying ", "for a ", "人", "18 years old "])
def test_a_very_long_prompt_is_no_trouble(piece: str) -> None:
    for item in checklist({"prompt": piece * 4000}, ()):
        assert len(item.spans) <= 12
