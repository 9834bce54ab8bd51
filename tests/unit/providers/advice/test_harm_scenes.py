from __future__ import annotations

import pytest

from safelight.detectors.text.normalise import folded, plain
from safelight.providers.advice import harm_scenes
from safelight.providers.advice.advice_data import read_rows as read_table
from safelight.providers.advice.harm_scenes import HarmKind, acts_on_being, find_harm
from safelight.providers.advice.help_gate import HelpRefusal
from support.prompt_advice import advised
from support.rows import TESTS, each_row, read_rows

#: Own sentences: harm in plain words, and harmless neighbours that share them.
SCENES = TESTS / "data" / "help_scenes.jsonl"


@pytest.mark.parametrize("label", ["unsafe", "safe"])
def test_nine_tenths_of_the_scenes_of_harm_get_one_sentence_and_of_their_harmless_neighbours_help(
    label: str,
) -> None:
    prompts = [row["text"] for row in read_rows(SCENES) if row["label"] == label]
    assert len(prompts) >= 120
    wrong = []
    for prompt in prompts:
        advice = advised(prompt)
        if advice.helps is (label == "unsafe"):
            wrong.append(prompt)
        elif label == "unsafe":
            assert advice.refusal in (HelpRefusal.WORDS, HelpRefusal.DISTRESS)
            wire = advice.as_wire()
            quoting = ("drivers", "contradictions", "suggestions", "fix", "questions")
            assert not any(wire[name] for name in quoting), prompt
            assert wire["no_suggestions"]["text"].count(".") == 1, prompt
    assert len(wrong) <= len(prompts) / 10, wrong


@each_row
def test_a_suicide_gets_help_lines_and_no_suggestions_and_alone_on_a_bridge_neither(
    what: str, prompt: str, suicide: bool
) -> None:
    advice = advised(prompt)
    assert advice.refusal is (HelpRefusal.WORDS if suicide else None)
    assert bool(advice.help_lines) is suicide


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
    parts = {row["part"] for row in read_table("harm_parts")}
    used = {name for row in read_table("harm_scenes") for name in f"{row['parts']} {row['unless']}".split()}
    inner = {
        name
        for name in parts
        if any(f"<{name}>" in row[key] for row in read_table("harm_parts") for key in ("en", "zh"))
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
    for texts in (
        {"prompt": "A man takes a knife and slowly stabs", "template": "the old woman in her kitchen"},
        {"prompt": "A man with a scarf strangles", "rewritten_prompt": "his wife at home, cold light"},
    ):
        assert advised("", texts=texts).refusal is HelpRefusal.WORDS


def test_a_scene_of_harm_has_no_drivers_while_a_reference_is_not_screened() -> None:
    advice = advised("A car crashes into a crowd on purpose", undecided=True)
    assert (advice.refusal, advice.drivers, advice.suggestions) == (HelpRefusal.WORDS, (), ())


def test_a_part_is_found_only_where_its_beginning_is() -> None:
    names = {row["part"] for row in read_table("harm_parts")} - {"being"}
    prompts = [folded(plain(row["text"])).text for row in read_rows(SCENES)]
    found = 0
    for name in names:
        beginnings, pattern = harm_scenes._beginnings(name), harm_scenes._pattern(name)
        for prompt in prompts:
            if pattern.search(prompt):
                found += 1
                assert beginnings.search(prompt), (name, prompt)
    assert found > 100


@pytest.mark.parametrize(
    ("cell", "beginnings"),
    [
        (r"throw~ (?:\w+ )?(?:<being>|mob) off|(?:a|b) > <x>", [r"throw~ (?:\w+ )?", "(?:a|b)"]),
        (r"<gun> at|[<|](?:c|d)? ... e|\|f", ["", "[<|](?:c|d)?", r"\|f"]),
    ],
)
def test_the_beginning_of_an_alternative_ends_before_its_object(cell: str, beginnings: list[str]) -> None:
    assert harm_scenes._cut_alternatives(cell) == beginnings
