from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.advice.drivers import find_drivers
from safelight.advice.meaning_slots import find_fixed_changes
from safelight.advice.prompt_details import MAX_DETAILS, find_details
from safelight.advice.text_edit import TextEdit, apply_edits
from safelight.simulation.scene_grammar import scene_grammar


def details(prompt: str) -> list[str]:
    return [one.text for one in find_details(prompt, find_drivers({"prompt": prompt}, ()))]


def test_clauses_phrases_and_adjectives_are_details() -> None:
    prompt = "A judge holds a map in a ruined castle, the colours are gold and silver"
    assert details(prompt) == [" in a ruined castle", "ruined ", ", the colours are gold and silver"]


@pytest.mark.parametrize(
    "prompt",
    [
        "A street, a man watches",
        "A street, the dog sleeps",
        "A street, a gardener waters the roses",
        "A street, two red lamps",
        'A street, the sign says "open"',
        "A street, the knife lies there",
        "A street, the rifle leans there",
        "A street, the floor is covered in pills",
        "A street, no music",
        "A street, the school is open",
        "A street, the style of Studio Ghibli",
        "一條街，一個男人看著",
        "一條街，桌上有槍",
    ],
)
def test_people_numbers_and_what_carries_risk_stay(prompt: str) -> None:
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
        without, _diff = apply_edits(prompt, [TextEdit(start=one.start, end=one.end, text="")])
        assert not find_fixed_changes(prompt, without)


def test_a_long_prompt_is_read_in_linear_time() -> None:
    assert len(find_details("A lake" + ", soft light" * 20_000)) <= MAX_DETAILS
