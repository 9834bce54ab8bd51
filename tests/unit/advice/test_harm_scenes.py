from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.advice.driver_tables import read_rows
from safelight.advice.harm_scenes import HarmKind, acts_on_being, find_harm
from safelight.advice.help_gate import HelpRefusal
from safelight.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from support.rows import each_row

#: Own sentences: harm in plain words, and harmless neighbours that share them.
SCENES = Path(__file__).parents[2] / "data" / "help_scenes.jsonl"


def rows(label: str) -> list[str]:
    found = [json.loads(line) for line in SCENES.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in found if row["label"] == label]


def advised(prompt: str) -> PromptAdvice:
    return advise_on(ScreenedRequest(texts={"prompt": prompt}), None, AdviceOptions())


def test_at_most_a_tenth_of_the_scenes_of_harm_gets_help() -> None:
    harmful = rows("unsafe")
    helped = [prompt for prompt in harmful if advised(prompt).helps]
    assert len(harmful) >= 120
    assert len(helped) <= len(harmful) / 10, helped


def test_at_most_a_tenth_of_their_harmless_neighbours_is_refused_help() -> None:
    harmless = rows("safe")
    refused = [prompt for prompt in harmless if not advised(prompt).helps]
    assert len(harmless) >= 120
    assert len(refused) <= len(harmless) / 10, refused


@pytest.mark.parametrize("prompt", rows("unsafe"))
def test_a_scene_of_harm_is_told_one_sentence_and_nothing_else(prompt: str) -> None:
    advice = advised(prompt)
    if advice.helps:
        pytest.skip("counted above")
    assert advice.refusal in (HelpRefusal.WORDS, HelpRefusal.DISTRESS)
    wire = advice.as_wire()
    assert not any(wire[name] for name in ("drivers", "contradictions", "suggestions", "fix", "questions"))
    assert wire["no_suggestions"]["text"].count(".") == 1


@each_row
def test_a_suicide_gets_no_suggestions_and_help_lines(prompt: str) -> None:
    advice = advised(prompt)
    assert advice.refusal is HelpRefusal.WORDS
    assert advice.help_lines


@each_row
def test_alone_and_a_bridge_are_no_reason_for_help_lines(prompt: str) -> None:
    advice = advised(prompt)
    assert (advice.refusal, advice.help_lines) == (None, ())


@each_row
def test_a_scene_is_an_act_with_its_object_means_or_place(prompt: str, kind: HarmKind) -> None:
    assert kind in find_harm([prompt])
    assert (
        find_harm(["A bridge at night", "a car, a crowd", "a pipe under a bench", "an old man at the bank"])
        == set()
    )


@each_row
def test_the_object_of_a_verb_is_read(prompt: str, word: str, acts: bool) -> None:
    start = prompt.index(word)
    assert acts_on_being(prompt, start, start + len(word)) is acts


def test_every_part_of_a_scene_is_in_the_table_and_every_part_is_used() -> None:
    parts = {row["part"] for row in read_rows("harm_parts")}
    used = {name for row in read_rows("harm_scenes") for name in f"{row['parts']} {row['unless']}".split()}
    inner = {
        name
        for name in parts
        if any(f"<{name}>" in row[key] for row in read_rows("harm_parts") for key in ("en", "zh"))
    }
    assert used <= parts
    assert parts - used - inner == {"unreal", "other_being"} - inner


@each_row
def test_passive_names_persons_questions_and_two_languages_hide_no_harm(prompt: str) -> None:
    assert find_harm([prompt])


def test_a_denied_circumstance_excuses_nothing() -> None:
    assert find_harm(["A man strangles his wife, not a film set"])
    assert not find_harm(["A man strangles his wife, film set, actors"])


def test_a_scene_that_is_split_over_two_texts_is_read_together() -> None:
    texts = {"prompt": "A man takes a knife and slowly stabs", "template": "the old woman in her kitchen"}
    assert advise_on(ScreenedRequest(texts=texts), None, AdviceOptions()).refusal is HelpRefusal.WORDS
    halves = {"prompt": "A man with a scarf strangles", "rewritten_prompt": "his wife at home, cold light"}
    assert advise_on(ScreenedRequest(texts=halves), None, AdviceOptions()).refusal is HelpRefusal.WORDS


def test_a_scene_of_harm_has_no_drivers_while_a_reference_is_not_screened() -> None:
    request = ScreenedRequest(texts={"prompt": "A car crashes into a crowd on purpose"}, undecided=True)
    advice = advise_on(request, None, AdviceOptions())
    assert (advice.refusal, advice.drivers, advice.suggestions) == (HelpRefusal.WORDS, (), ())
