from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.meaning_slots import find_fixed_changes
from safelight.providers.advice.prompt_details import MAX_DETAILS, find_details
from safelight.providers.advice.text_edit import TextEdit, apply_edits
from safelight_lab.simulation.scene_grammar import scene_grammar
from support.rows import each_row


def details(prompt: str) -> list[str]:
    return [one.text for one in find_details(prompt, find_drivers({"prompt": prompt}, ()))]


def test_clauses_phrases_and_adjectives_are_details() -> None:
    prompt = "A judge holds a map in a ruined castle, the colours are gold and silver"
    assert details(prompt) == [" in a ruined castle", "ruined ", ", the colours are gold and silver"]


@each_row
def test_people_numbers_risks_adjectives_of_people_and_the_main_clause_stay(what: str, prompt: str) -> None:
    assert details(prompt) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "As the sun sets, the waves roll in",
        "The mug, which is blue, rests on the table",
        "A light in soft, natural colours",
    ],
)
def test_the_main_clause_and_lists_of_adjectives_stay(prompt: str) -> None:
    assert not {", the waves roll in", ", rests on the table", ", natural colours"} & set(details(prompt))


@each_row
def test_clauses_with_a_word_that_is_on_no_list_stay(stated: str) -> None:
    prompt = f"A woman waits{stated} soft light"
    left_out = "".join(details(prompt))
    assert left_out in (", soft light", " soft light", "", " in the street, soft light")


def test_chinese_clauses_stay_with_a_word_that_is_on_no_list() -> None:
    assert details("一個女人坐在椅子上，雙手被膠帶纏住，燈光柔和") == ["，燈光柔和"]
    assert details("一个女人走在街上，只围一条浴巾，天空很蓝") == []


@each_row
def test_what_is_left_is_a_sentence(prompt: str) -> None:
    found = find_details(prompt)
    for chosen in (*([one] for one in found), found):
        edits = [TextEdit(start=one.start, end=one.end, text=one.kept) for one in chosen]
        left, _diff = apply_edits(prompt, edits)
        assert not re.search(r",\s*[,.]|^\W|\bis\W*$", left)


def test_the_verb_of_the_main_clause_stays() -> None:
    found = details("A chef in the kitchen, wearing a white hat, cooks pasta, soft light")
    assert found == [" in the kitchen", ", soft light"]


def test_a_protected_range_stays() -> None:
    prompt = "A lake, soft light"
    assert [one.text for one in find_details(prompt)] == [", soft light"]
    assert find_details(prompt, (), [(8, 12)]) == ()


@given(st.integers(0, 10_000))
def test_no_detail_of_a_harmless_scene_changes_a_fixed_slot(seed: int) -> None:
    [prompt] = scene_grammar().prompts(1, seed)
    found = find_details(prompt, find_drivers({"prompt": prompt}, ()))
    assert len(found) <= MAX_DETAILS
    for one in found:
        without, _diff = apply_edits(prompt, [TextEdit(start=one.start, end=one.end, text=one.kept)])
        assert not find_fixed_changes(prompt, without)


def test_a_long_prompt_is_read_in_linear_time() -> None:
    assert len(find_details("A lake" + ", soft light" * 20_000)) <= MAX_DETAILS
    assert find_details("A lake" + " " * 2_000 + "x") == ()
