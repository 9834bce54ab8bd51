from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.advice.drivers import find_drivers
from safelight.advice.meaning_slots import find_fixed_changes
from safelight.advice.prompt_details import MAX_DETAILS, find_details
from safelight.advice.text_edit import TextEdit, apply_edits
from safelight_lab.simulation.scene_grammar import scene_grammar


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


@pytest.mark.parametrize(
    "stated",
    [
        ", drugged,",
        ", unconscious,",
        ", her drink spiked,",
        ", her wrists taped,",
        ", blindfolded,",
        ", hooded,",
        ", his hands cuffed,",
        ", wearing only a towel,",
        ", covered only by a curtain,",
        ", in a latex suit, collared,",
        ", culturing anthrax,",
        " wearing a vest with wires,",
        ", carrying a ticking suitcase,",
        " outside the synagogue,",
        ", speaking like the prime minister,",
        ", praying,",
        ", limping,",
        ", emaciated,",
        ", gasping for air, her hands at her throat,",
        ", ninety,",
        ", eighty of them,",
        ", with down syndrome,",
        ", autistic,",
        " in the lab,",
        ", shot in the street,",
        " through the window,",
    ],
)
def test_clauses_with_a_word_that_is_on_no_list_stay(stated: str) -> None:
    prompt = f"A woman waits{stated} soft light"
    left_out = "".join(details(prompt))
    assert left_out in (", soft light", " soft light", "", " in the street, soft light")


def test_chinese_clauses_stay_with_a_word_that_is_on_no_list() -> None:
    assert details("一個女人坐在椅子上，雙手被膠帶纏住，燈光柔和") == ["，燈光柔和"]
    assert details("一个女人走在街上，只围一条浴巾，天空很蓝") == []


@pytest.mark.parametrize(
    "prompt",
    [
        "A hot nurse walks",
        "A teacher carries a wooden rifle",
        "A boy swings a wooden sword",
        "A tiny girl dances",
        "A tiny boy and a huge man",
        "A pale woman waits",
        "A short man and a tall woman",
        "A marble statue of a nude man",
        "A black man waits",
        "A red light district",
    ],
)
def test_adjectives_of_people_and_of_what_makes_a_thing_a_prop_stay(prompt: str) -> None:
    assert details(prompt) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "A dancer in a dress moves, in the garden, with a lamp",
        "A chef in the kitchen, wearing a white hat, cooks pasta, soft light.",
        "A woman lies on the grass, in the garden.",
        "In a garden, a woman sings, soft light, birdsong.",
        "The man is in the garden.",
    ],
)
def test_what_is_left_is_a_sentence(prompt: str) -> None:
    found = find_details(prompt)
    for chosen in (*([one] for one in found), found):
        edits = [TextEdit(start=one.start, end=one.end, text=one.kept) for one in chosen]
        left, _diff = apply_edits(prompt, edits)
        assert not re.search(r",\s*[,.]|^\W|\bis\W*$", left)


@pytest.mark.parametrize("verb", ["kneels", "smiles at a stranger", "slowly walks home"])
@pytest.mark.parametrize("between", ["soft light", "in the garden"])
def test_a_clause_between_the_subject_and_its_verb_stays(between: str, verb: str) -> None:
    assert details(f"A woman, {between}, {verb}") == []


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
