"""Facts that carry risk, planted in harmless prompts: no suggestion after a block may leave one out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from safelight.advice.drivers import find_drivers
from safelight.advice.meaning_slots import find_fixed_changes
from safelight.advice.prompt_details import find_kept_ranges
from safelight.advice.same_kind import find_same_kind
from safelight.advice.suggestions import suggest
from safelight_lab.simulation.scene_grammar import scene_grammar

from .risks_of_listed_words import NO_OTHER_WORD, STATED_TOGETHER

#: What stays in the prompt, after the words of the fact that are in no list.
CLAUSES = (
    "drugged",
    "unconscious",
    "her wrists taped",
    "blindfolded",
    "his hands cuffed",
    "wearing only a towel",
    "covered only by a curtain",
    "holding a knife",
    "locked in a cellar",
    "aged fifteen",
    "without clothes",
    "gagged",
    "begging him to stop",
    "tied to",
    "in her underwear",
    "against her will",
    "disguised as a senator",
    "with the face of the mayor",
    "seventeen years old",
    "limping",
)
PHRASES = (
    "in a locked room",
    "on a bed",
    "at the synagogue",
    "with a rope",
    "in a cage",
    "on a ledge",
    "in a classroom",
    "with bruises",
    "in a shower",
    "near a ticking clock",
    "unwillingly",
    "drunkenly",
    "fearfully",
)


def shorter_is_better(prompts: Sequence[str]) -> Sequence[float]:
    return [min(0.9, 0.001 * len(one)) for one in prompts]


def rewrites(prompt: str) -> list[str]:
    drivers = find_drivers({"prompt": prompt}, ())
    return [
        one.rewritten
        for estimate in (lambda _prompts: None, shorter_is_better)
        for one in suggest(prompt, drivers, estimate=estimate)
        if one.number
    ]


@pytest.mark.parametrize("fact", [*CLAUSES, *PHRASES])
def test_a_planted_fact_is_in_every_rewrite(fact: str) -> None:
    rest = " a chair" if fact == "tied to" else ""
    for seed in range(3):
        [prompt] = scene_grammar().prompts(1, 600 + seed)
        first, *others = prompt.rstrip(".").split(", ")
        if fact in PHRASES:
            first = f"{first} {fact}"
        else:
            others.insert(len(others) // 2, fact + rest)
        planted = ", ".join((first, *others)) + "."
        for one in rewrites(planted):
            assert fact in one, (planted, one)
            assert not find_fixed_changes(planted, one), (planted, one)


@pytest.mark.parametrize(("prompt", "fact"), STATED_TOGETHER)
def test_a_danger_that_listed_words_state_together_is_in_every_rewrite(prompt: str, fact: str) -> None:
    for one in rewrites(prompt):
        assert fact in one, one


@pytest.mark.parametrize("prompt", NO_OTHER_WORD)
def test_no_other_word_of_the_same_kind_softens_or_changes_what_is_shown(prompt: str) -> None:
    drivers = find_drivers({"prompt": prompt}, ())
    changes = find_same_kind(prompt, find_kept_ranges(prompt, drivers, ()))
    assert [one.values for one in changes] == []
