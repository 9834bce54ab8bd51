from __future__ import annotations

import pytest

from safelight.advice.drivers import find_drivers
from safelight.advice.prompt_details import find_details
from safelight.advice.text_edit import TextEdit, apply_edits


def without_each(prompt: str) -> list[str]:
    found = find_details(prompt, find_drivers({"prompt": prompt}, ()))
    return [apply_edits(prompt, [TextEdit(start=one.start, end=one.end, text=one.kept)])[0] for one in found]


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("A fox waits at sunset", "A fox waits"),
        ("A fox waits next to soft grass", "A fox waits"),
        ("A fox waits in a field", "A fox waits"),
        ("In a quiet forest, a fox waits.", "A fox waits."),
        ("A cinematic close-up shot of a fox", "A fox"),
        ("A fox walks gracefully", "A fox walks"),
        ("A fox waits. The background is a misty valley.", "A fox waits."),
    ],
)
def test_phrases_openings_adverbs_and_sentences_can_be_left_out(prompt: str, left: str) -> None:
    assert left in without_each(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "A man hides behind a tree",
        "A man jumps from the palace",
        "A man falls into the lake",
        "A man looks at the sky",
        "A man covered with leaves",
        "A man plays with water",
        "The man is not gently waiting",
        "A woman forced reluctantly",
        "A woman sings violently",
        "A nude scene of a woman",
        "A hidden-camera video of a woman",
        "In a cellar, a woman waits.",
        "A woman waits. She is tied to a chair.",
        "A woman waits. The rope is red.",
        "A woman lies on a bed",
        "A man waits at the synagogue",
        "A man waits with a knife",
        "A child waits in a classroom",
        "A man stands on a windowsill",
    ],
)
def test_what_may_state_a_risk_stays(prompt: str) -> None:
    assert without_each(prompt) == []


def test_a_list_of_nouns_is_left_out_as_a_whole() -> None:
    assert without_each("A fox sits near ferns and flowers") == ["A fox sits"]


def test_a_phrase_before_and_with_an_unclear_continuation_stays() -> None:
    assert without_each("A fox sits in a garden and a cat sings") == []


def test_an_adjective_before_a_comma_keeps_the_next_one() -> None:
    assert "A fox swims across a vast." not in without_each("A fox swims across a vast, shimmering lake.")


@pytest.mark.parametrize(
    "prompt", ["A man sits and keeps taking in the landscape", "The camera captures a view of a fox"]
)
def test_what_belongs_to_the_verb_stays(prompt: str) -> None:
    assert without_each(prompt) == []
