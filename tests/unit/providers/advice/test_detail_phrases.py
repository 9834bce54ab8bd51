from __future__ import annotations

from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.prompt_details import find_details
from safelight.providers.advice.text_edit import TextEdit, apply_edits
from support.rows import each_row


def without_each(prompt: str) -> list[str]:
    found = find_details(prompt, find_drivers({"prompt": prompt}, ()))
    return [apply_edits(prompt, [TextEdit(start=one.start, end=one.end, text=one.kept)])[0] for one in found]


@each_row
def test_phrases_openings_adverbs_and_sentences_can_be_left_out(prompt: str, left: str) -> None:
    assert left in without_each(prompt)


@each_row
def test_what_may_state_a_risk_or_belongs_to_a_verb_stays(prompt: str) -> None:
    assert without_each(prompt) == []


def test_a_list_of_nouns_is_left_out_as_a_whole() -> None:
    assert without_each("A fox sits near ferns and flowers") == ["A fox sits"]


def test_an_adjective_before_a_comma_keeps_the_next_one() -> None:
    assert "A fox swims across a vast." not in without_each("A fox swims across a vast, shimmering lake.")
